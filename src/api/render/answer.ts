// What texts of JSON are put together with, and how they are sent.

import type { FastifyReply } from 'fastify'

/**
 * Sends JSON that is text already. The framework does not serialise texts: the response schema of
 * such a route only tells what the text holds.
 */
export function answerText(reply: FastifyReply, text: string): FastifyReply {
  return reply.header('content-type', 'application/json; charset=utf-8').send(text)
}

/** One page of a list, as `pageOf` describes it; `items` is the text of an array. */
export function pageText(items: string, next: string | null): string {
  return next === null ? `{"items":${items},"next":null}` : `{"items":${items},"next":"${next}"}`
}

/** An object's text without its closing brace, for fields that follow. */
export function openText(fields: object): string {
  return JSON.stringify(fields).slice(0, -1)
}
