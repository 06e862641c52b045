// Routes of the network itself: what it is called, who may sign up, and how much of everything
// there may be (shown-limits.ts).

import { Type } from 'typebox'
import packageJson from '../../package.json' with { type: 'json' }
import { LimitsBody, limitsBodyOf } from './shown-limits.ts'
import { Text, nullable } from './validation.ts'
import { write } from './writes.ts'
import {
  INVITERS,
  SESSION_DAYS_MAX,
  SESSION_DAYS_MIN,
  SIGN_UP_MODES,
  instanceSettings,
} from '../model/instance-settings.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import type { View } from '../engine/view.ts'
import type { ApiParts, ApiSettings } from './parts.ts'

const SettingsBody = Type.Object({
  name: Type.Optional(Text),
  description: Type.Optional(Text),
  sign_up: Type.Optional(Type.Enum([...SIGN_UP_MODES])),
  inviters: Type.Optional(Type.Enum([...INVITERS])),
  session_days: Type.Optional(
    Type.Integer({ minimum: SESSION_DAYS_MIN, maximum: SESSION_DAYS_MAX }),
  ),
})

const InstanceBody = Type.Object({
  name: Type.String(),
  description: Type.String(),
  version: Type.String(),
  sign_up: Type.String(),
  inviters: Type.String(),
  session_days: Type.Integer(),
  /** By whom people may log in besides. */
  oidc: nullable(Type.Object({ name: Type.String() })),
  limits: LimitsBody,
})

export const instanceRoutes: FastifyPluginCallbackTypebox<ApiParts> = (app, parts, done) => {
  const { store, settings } = parts
  const limitsBody = limitsBodyOf(settings.limits ?? {})

  app.get(
    '/instance',
    { config: { access: 'anyone' }, schema: { response: { 200: InstanceBody } } },
    () => store.read((view) => instanceBodyOf(view, settings, limitsBody)),
  )

  app.patch(
    '/admin/instance',
    {
      config: { access: 'admin' },
      schema: { body: SettingsBody, response: { 200: InstanceBody } },
    },
    async (request, reply) => {
      const { sign_up: signUp, session_days: sessionDays, ...same } = request.body
      const { name, description, inviters } = same
      const changes = { name, description, inviters, signUp, sessionDays }
      await write(store, reply, 'changeInstanceSettings', withoutGaps(changes))
      return store.read((view) => instanceBodyOf(view, settings, limitsBody))
    },
  )
  done()
}

function instanceBodyOf(
  view: View,
  { oidc }: ApiSettings,
  limitsBody: Static<typeof LimitsBody>,
): Static<typeof InstanceBody> {
  const { name, description, signUp, inviters, sessionDays } = instanceSettings(view)
  return {
    name,
    description,
    version: packageJson.version,
    sign_up: signUp,
    inviters,
    session_days: sessionDays,
    oidc: oidc === undefined ? null : { name: oidc.name },
    limits: limitsBody,
  }
}

/** What is there; a field that is left out is no field that is undefined. */
function withoutGaps<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as { [K in keyof T]?: NonNullable<T[K]> }
}
