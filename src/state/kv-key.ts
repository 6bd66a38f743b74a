/**
 * Order and size of keys as UTF-8 bytes, without encoding them: SQLite and every peer that compares
 * bytes then sees the keys in the same order as we do.
 */

/**
 * A text whose order under `<` is the byte order of the key's UTF-8: the key itself, as a rule. UTF-16
 * puts surrogates (code points from U+10000) before U+E000 to U+FFFF; UTF-8 puts them after: so the two
 * ranges change places, unit by unit, and prefixes stay prefixes.
 */
export function sortable(key: string): string {
  if (!/[\ud800-\uffff]/.test(key)) return key
  let text = ''
  for (let i = 0; i < key.length; i++) text += String.fromCharCode(moved(key.charCodeAt(i)))
  return text
}

function moved(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/** Negative, 0 or positive, as memcmp over the UTF-8 of both. */
export function compareKeys(a: string, b: string): number {
  const x = sortable(a)
  const y = sortable(b)
  if (x === y) return 0
  return x < y ? -1 : 1
}

/** Length in UTF-8 bytes; -1 if the text holds half a surrogate pair, which UTF-8 cannot carry. */
export function utf8Length(text: string): number {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    else if (unit < 0xd800 || unit >= 0xe000) bytes += 3
    else {
      const next = text.charCodeAt(++i)
      if (unit >= 0xdc00 || !(next >= 0xdc00 && next < 0xe000)) return -1
      bytes += 4
    }
  }
  return bytes
}
