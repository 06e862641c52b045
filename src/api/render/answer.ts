// How a route answers with what is rendered, and how texts of JSON are put together.

import { tagged } from '../caching.ts'
import type { FastifyReply } from 'fastify'
import type { ApiParts } from '../parts.ts'
import type { Fragments, Rendering } from './fragments.ts'

/** What routes that render are made of. */
export interface RenderingParts extends ApiParts {
  /** Those of the thread. */
  readonly fragments: Fragments
}

/** How a page of a list begins, and no single thing does. */
const PAGE_START = '{"items":'

/**
 * Answers with the JSON that the query returns, or with what it throws. A route returns the
 * promise, which is of a text: the framework serialises none, so the route's response schema only
 * documents what the text holds, and cannot be its type.
 */
export type Answer = (
  reply: FastifyReply,
  query: (rendering: Rendering) => string,
) => Promise<never>

export function answerWith({ store, fragments }: RenderingParts): Answer {
  return (reply, query) => {
    // An error that comes instead brings its own.
    void reply.header('content-type', 'application/json; charset=utf-8')
    const text = fragments.render(store, query)
    return text.then((each) => (isPage(each) ? each : tagged(reply, each))) as Promise<never>
  }
}

function isPage(text: string): boolean {
  return text.startsWith(PAGE_START)
}

/** One page of a list, as `pageOf` describes it; `items` is the text of an array. */
export function pageText(items: string, next: string | null): string {
  const end = next === null ? 'null' : `"${next}"`
  return `${PAGE_START}${items},"next":${end}}`
}

/** An object's text without its closing brace, for fields that follow. */
export function openText(fields: object): string {
  return JSON.stringify(fields).slice(0, -1)
}
