import * as z from 'zod/mini'
import { type Route, route } from './route.ts'

/** Settings, and what an operator does when the cluster cannot help itself any more. */

const settingName = z
  .string()
  .check(z.regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be the name of a setting'))
const settingValue = z.string().check(z.maxLength(255))

export const rescueRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/hive/settings',
    summary: 'What the cluster has agreed on for all its nodes',
    answer: 'SettingReport[]',
    handle: (_, backend) => backend.settings(),
  }),
  route({
    method: 'POST',
    path: '/v1/hive/settings',
    summary: 'Change settings; an empty value is the default again',
    body: z.strictObject({ settings: z.record(settingName, settingValue) }),
    answer: '{seq}: of the event',
    handle: ({ body, actor }, backend) => backend.changeSettings({ ...body, actor }),
  }),
]
