import type { SettingReport } from '../../api/types.ts'
import { fields, text } from '../../base/shape.ts'
import { settingOf, settings } from '../../state/settings.ts'
import { type Methods, onceOf, refusal } from '../requests.ts'
import { asLeader, type DeskParts, outcomeOf } from './desk.ts'

/** What the cluster has agreed on for all its nodes. */
export function settingsDesk(parts: DeskParts): Methods {
  return {
    'settings-change': asLeader(parts, ({ body, answer }, plane) => {
      const wanted: Record<string, string> = {}
      for (const [name, value] of Object.entries(fields(body.settings, 'settings'))) {
        const setting = settings.find(s => s.name === name)
        if (!setting) {
          return answer(
            refusal(
              'NOT_FOUND',
              `no setting is called ${name}`,
              `there are ${settings.map(s => s.name).join(', ')}`,
            ),
          )
        }
        const wrong =
          typeof value !== 'string'
            ? 'must be text'
            : value === ''
              ? undefined
              : setting.wrong(value)
        if (wrong)
          return answer(
            refusal('BAD_REQUEST', `${name}: ${wrong}`, `the default is ${setting.default}`),
          )
        wanted[name] = value as string
      }
      const [actor, request] = [text(body, 'actor'), onceOf(body)]
      plane.propose({ type: 'SettingsChanged', data: { settings: wanted }, actor, request }, o =>
        answer(outcomeOf(o)),
      )
    }),
  }
}

export function settingsOf(values: Readonly<Record<string, string>>): readonly SettingReport[] {
  return settings.map(({ name, default: otherwise, meaning }) => ({
    name,
    value: settingOf(values, name),
    default: otherwise,
    meaning,
  }))
}
