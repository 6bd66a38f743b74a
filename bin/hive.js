#!/usr/bin/env node
'use strict'
// Plain old syntax on purpose: a Node.js that is too old must be able to read this file and say so.
var fs = require('fs')
var path = require('path')

var oldest = [22, 19]
var have = process.versions.node.split('.').map(Number)
var dist = path.join(__dirname, '..', 'dist', 'cli.cjs')

if (have[0] < oldest[0] || (have[0] === oldest[0] && have[1] < oldest[1])) {
  console.error(
    'error: hive needs Node.js ' +
      oldest.join('.') +
      ' or newer, this is ' +
      process.version +
      '; run it with a newer node (https://nodejs.org).',
  )
  process.exit(2)
}
if (!fs.existsSync(dist)) {
  console.error('error: hive has not been built: ' + dist + ' is missing; run: npm run build')
  process.exit(2)
}

// V8's compiled code is kept below the user's own cache, never in a shared /tmp where somebody else could plant it.
var home = process.env.XDG_CACHE_HOME || (process.env.HOME && path.join(process.env.HOME, '.cache'))
if (home && path.isAbsolute(home)) require('module').enableCompileCache(path.join(home, 'hive'))

require(dist).start(process.argv.slice(2))
