// Validation: what comes in, checked against the schema of its route, and the shapes that several
// routes share.
//
// Texts of an address are turned into numbers where the schema asks for numbers; a body is taken as
// it is, so that "1" is no number there. Fields that a schema does not name are taken away. What a
// text may hold and how long it may be is a rule of the network, not of a schema: the model refuses
// with a code of its own.
//
// JSON is bounded: 64 KiB of it (app.ts), nested 16 deep, without "__proto__".

import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { RequestRefusal } from './errors.ts'
import { fromForm } from './forms.ts'
import {
  EXPIRY_SECONDS_MAX,
  EXPIRY_SECONDS_MIN,
  PAGE_COUNT_DEFAULT,
  PAGE_COUNT_MAX,
} from '../model/limits.ts'
import type { FastifyInstance, FastifySchemaCompiler } from 'fastify'
import type { Static, TSchema } from 'typebox'

const JSON_DEPTH_MAX = 16
const PART_NAMES: Readonly<Record<string, string>> = { querystring: 'query', params: 'address' }

/** An id in a path or body: a row's, so below 2³². */
export const Id = Type.String({ pattern: '^[1-9][0-9]{0,9}$' })
/** What a page ends with, for the next one: an id, as a number in an address. */
export const Cursor = Type.Integer({ minimum: 1, maximum: 2 ** 32 - 1 })
export const Handle = Type.String({ maxLength: 100 })
export const Text = Type.String()

/** Seconds until something is over. */
export const Expiry = Type.Integer({ minimum: EXPIRY_SECONDS_MIN, maximum: EXPIRY_SECONDS_MAX })

export const IdParameters = Type.Object({ id: Id })
export const HandleParameters = Type.Object({ handle: Handle })

/** `before` is the `next` of the page before. */
export const PageQuery = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: PAGE_COUNT_MAX, default: PAGE_COUNT_DEFAULT }),
  before: Type.Optional(Cursor),
})

/** One page of a list; `next` is null on the last. */
export function pageOf<Item extends TSchema>(item: Item) {
  return Type.Object({ items: Type.Array(item), next: nullable(Type.String()) })
}

/** The schema or null, in the form that the serialiser is fast with. */
export function nullable<T extends TSchema>(schema: T) {
  return Type.Unsafe<Static<T> | null>({ ...schema, nullable: true })
}

/** A row's number. What is no number at all is the id of no row. */
export function rowOf(id: string): number {
  const row = Number(id)
  return row < 2 ** 32 - 1 ? row : 0
}

/** Ids and a cursor out of `count + 1` ids, of which the last only tells that there is more. */
export function cutPage(
  ids: readonly number[],
  count: number,
): { readonly ids: readonly number[]; readonly next: string | null } {
  if (ids.length <= count) return { ids, next: null }
  const page = ids.slice(0, count)
  return { ids: page, next: String(page.at(-1)) }
}

/** The `next` of a page, of what a list of the model ends with: 0 on the last. */
export function cursorOf(next: number): string | null {
  return next === 0 ? null : String(next)
}

export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart = 'body' }) => {
  const validator = Compile(schema)
  const fields = httpPart === 'body' ? [] : addressFieldsOf(schema)
  return (given: unknown) => {
    const value = httpPart === 'body' ? fromForm(given, schema) : readFields(given, fields)
    // What a schema does not name is taken away: no route hands it on by accident.
    if (validator.Check(value))
      return { value: httpPart === 'body' ? validator.Clean(value) : value }
    const [first] = validator.Errors(value)
    const place = first?.instancePath.slice(1).replaceAll('/', '.') || 'it'
    const fault = `${place} ${first?.message ?? 'is wrong'}`
    const sentence = `The ${PART_NAMES[httpPart] ?? httpPart} is not as expected: ${fault}.`
    return { error: new RequestRefusal('REQUEST_INVALID', sentence) }
  }
}

/** A field of an address that is more than a text. */
interface AddressField {
  readonly name: string
  readonly isInteger: boolean
  readonly byDefault: unknown
}

function addressFieldsOf(schema: TSchema): AddressField[] {
  const { properties = {} } = schema as { properties?: Readonly<Record<string, object>> }
  return Object.entries(properties).flatMap(([name, field]) => {
    const { type, default: byDefault } = field as { type?: string; default?: unknown }
    if (type !== 'integer' && byDefault === undefined) return []
    return { name, isInteger: type === 'integer', byDefault }
  })
}

/** The fields of an address, numbers among them; what is no whole number stays a text. */
function readFields(given: unknown, fields: readonly AddressField[]): unknown {
  if (fields.length === 0) return given
  const values = { ...(given as Readonly<Record<string, unknown>>) }
  for (const { name, isInteger, byDefault } of fields) {
    const text = values[name]
    if (text === undefined) {
      if (byDefault !== undefined) values[name] = byDefault
    } else if (isInteger && typeof text === 'string' && /^-?\d{1,15}$/.test(text)) {
      values[name] = Number(text)
    }
  }
  return values
}

/** Reads JSON bodies. An empty one is none. */
export function readJson(app: FastifyInstance): void {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined)
    let value: unknown
    try {
      value = JSON.parse(body as string)
    } catch {
      return done(new RequestRefusal('JSON_INVALID'), undefined)
    }
    const fault = faultOf(value)
    if (fault === undefined) done(null, value)
    else done(new RequestRefusal('JSON_INVALID', fault), undefined)
  })
}

/**
 * What is wrong with a value that is valid JSON; undefined when nothing is. Level by level, not by
 * recursion.
 */
function faultOf(value: unknown): string | undefined {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > JSON_DEPTH_MAX) return `The body is nested deeper than ${JSON_DEPTH_MAX} levels.`
    const below: unknown[] = []
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue
      if (Object.hasOwn(item, '__proto__')) return 'The body has a field "__proto__".'
      for (const inner of Object.values(item)) below.push(inner)
    }
    level = below
  }
  return undefined
}
