// Writes: what every route that changes something does besides: it tells the caller the LSN, and
// hands the caller's idempotency key on to the store.
//
// A key belongs to a user and to what is being created, so nobody meets the answers of others, and
// one key may serve for a photo and its post. The first answer is kept for a day, in the same
// transaction as what it answers. A retry gets the same thing back, as it is by then.

import { RequestRefusal } from './errors.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { InputOf, OutputOf, Store } from '../engine/store.ts'
import type { transactions } from '../model/transactions.ts'

type Transactions = typeof transactions

/** Runs a transaction, notes its LSN in the answer, and returns its output. */
export async function write<N extends keyof Transactions>(
  store: Store<Transactions>,
  reply: FastifyReply,
  name: N,
  input: InputOf<Transactions[N]>,
  key?: string,
): Promise<OutputOf<Transactions[N]>> {
  const signal = hangUpSignal(reply)
  const options = key === undefined ? { signal } : { signal, key }
  const { output, lsn } = await store.transact(name, input, options)
  reply.header('x-shashin-lsn', String(lsn))
  return output
}

/** Aborted when the caller hangs up before there is an answer. */
function hangUpSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => {
    if (!raw.writableEnded) controller.abort(new RequestRefusal('CALLER_GONE'))
  })
  return controller.signal
}

/**
 * The key of the request as the store knows it; undefined when there is none. `scope` says what is
 * being created.
 */
export function idempotencyKeyOf(request: FastifyRequest, scope: string): string | undefined {
  const given = request.headers['idempotency-key']
  if (given === undefined) return undefined
  if (typeof given !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(given)) {
    throw new RequestRefusal('IDEMPOTENCY_KEY_INVALID')
  }
  return `${request.caller?.user ?? 0} ${scope} ${given}`
}
