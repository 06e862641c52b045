// Settings of the network that admins change while it runs: its name, who may sign up. One table
// says what is in force when nobody says anything, and what is accepted. What an operator sets for
// the process is no matter of this file (src/config.ts).
//
// They are one row of JSON that holds what was ever set. A value that is not accepted any more, as
// an older or newer Shashin may have left it, counts as not set.

import { TEXT_LIMITS } from './limits.ts'
import { settings } from './schema.ts'
import { fitText } from './text.ts'
import type { Json } from '../engine/schema.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { View } from '../engine/view.ts'
import type { TextLimit } from './limits.ts'

/** Who may sign up: everybody, whoever has an invite, nobody. */
export const SIGN_UP_MODES = ['open', 'invite', 'closed'] as const
/** Who may make invites. */
export const INVITERS = ['moderators', 'everybody'] as const
/** Days after which a log-in that is not used ends. */
export const SESSION_DAYS_MIN = 1
export const SESSION_DAYS_MAX = 3650

export interface InstanceSettings {
  readonly name: string
  readonly description: string
  readonly signUp: (typeof SIGN_UP_MODES)[number]
  readonly inviters: (typeof INVITERS)[number]
  readonly sessionDays: number
}

interface InstanceSetting<T> {
  readonly byDefault: T
  /** The value as it is kept; undefined when it is not accepted. Refuses with TEXT_…. */
  readonly fit: (given: unknown) => T | undefined
}

const INSTANCE_SETTINGS: {
  readonly [K in keyof InstanceSettings]: InstanceSetting<InstanceSettings[K]>
} = {
  name: text('Shashin', TEXT_LIMITS.network),
  description: text('', TEXT_LIMITS.about),
  signUp: choice('open', SIGN_UP_MODES),
  inviters: choice('moderators', INVITERS),
  sessionDays: {
    byDefault: 90,
    fit: (given) =>
      Number.isInteger(given) &&
      (given as number) >= SESSION_DAYS_MIN &&
      (given as number) <= SESSION_DAYS_MAX
        ? (given as number)
        : undefined,
  },
}

/** There is no other row. */
const ROW = 1

export function instanceSettings(view: View): InstanceSettings {
  const stored = storedValues(view)
  const values: Record<string, unknown> = {}
  for (const [key, { byDefault, fit }] of Object.entries<InstanceSetting<unknown>>(
    INSTANCE_SETTINGS,
  )) {
    values[key] = key in stored ? (fit(stored[key]) ?? byDefault) : byDefault
  }
  return values as unknown as InstanceSettings
}

/** What is left out stays as it is. Refuses with TEXT_…; throws RangeError at any other value. */
export function changeInstanceSettings(tx: Transaction, changes: Partial<InstanceSettings>): void {
  const values: Record<string, Json> = { ...storedValues(tx) }
  for (const [key, given] of Object.entries(changes)) {
    if (given === undefined) continue
    const value = INSTANCE_SETTINGS[key as keyof InstanceSettings].fit(given)
    if (value === undefined) throw new RangeError(`the setting ${key} does not take this value`)
    values[key] = value
  }
  if (tx.has(settings, ROW)) tx.update(settings, ROW, { values, changedAt: tx.now })
  else tx.insert(settings, { values, changedAt: tx.now })
}

function storedValues(view: View): Readonly<Record<string, Json>> {
  return (view.get(settings, ROW)?.values ?? {}) as Readonly<Record<string, Json>>
}

function text(byDefault: string, limit: TextLimit): InstanceSetting<string> {
  return {
    byDefault,
    fit: (given) => (typeof given === 'string' ? fitText(given, limit) : undefined),
  }
}

function choice<const T extends string>(byDefault: T, choices: readonly T[]): InstanceSetting<T> {
  return { byDefault, fit: (given) => choices.find((each) => each === given) }
}
