// Both ends of the command channel, over ports within one thread: what leaves when, who is told
// what, and what never runs. With worker threads: command-threads.test.ts.

import { getEventListeners } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DatastoreError } from '../../src/engine/errors.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { CommandClient } from '../../src/threads/command-client.ts'
import { noAnswers, noCommands } from '../../src/threads/command-messages.ts'
import { CommandServer } from '../../src/threads/command-server.ts'
import { plainError, reviveError } from '../../src/threads/plain-errors.ts'
import { HeldRuns, HeldTime, outcomeOf, until } from './command-doubles.ts'
import { seededTest } from '../support/seeded.ts'
import type { MessagePort } from 'node:worker_threads'
import type { Registry } from '../../src/engine/store.ts'
import type { RefusalCode } from '../../src/model/refusal.ts'
import type { CommandClientOptions } from '../../src/threads/command-client.ts'
import type { Answers, Commands } from '../../src/threads/command-messages.ts'
import type { Random } from '../../src/std/random.ts'

const registry = {
  note: (_tx, input: number) => input,
  keep: (_tx, _input: unknown) => undefined,
} as const satisfies Registry

const DEADLINE_MS = 1000

function newClient(options: Partial<CommandClientOptions> = {}): CommandClient<typeof registry> {
  return new CommandClient<typeof registry>({
    generation: () => 7,
    revive: (error) =>
      reviveError(error, (code, sentence) => new Refusal(code as RefusalCode, sentence)),
    deadlineMs: DEADLINE_MS,
    ...options,
  })
}

/** Ports that are closed at the end. */
function newPorts(): { clients: MessagePort; servers: MessagePort } {
  const { port1: clients, port2: servers } = new MessageChannel()
  onTestFinished(() => clients.close())
  return { clients, servers }
}

/** A client and a server of runs that the test ends as it likes. */
function newPair(options: Partial<CommandClientOptions> = {}): {
  client: CommandClient<typeof registry>
  runs: HeldRuns
  server: CommandServer
  time: HeldTime
} {
  const { clients, servers } = newPorts()
  const runs = new HeldRuns()
  const time = new HeldTime()
  const client = newClient({ time, ...options })
  client.connect(clients)
  return { client, runs, time, server: new CommandServer(servers, runs.run, plainError) }
}

/** What comes out of a port, message by message. */
function messagesOf<T>(port: MessagePort): T[] {
  const messages: T[] = []
  port.on('message', (message: T) => messages.push(message))
  return messages
}

describe('a command', () => {
  test('is run by name, with input, key and generation, and its output comes back', async () => {
    const { client, runs } = newPair()
    const first = client.transact('note', 5)
    const second = client.transact('note', 6, { key: 'once', generation: 3 })
    await until(() => runs.held.length === 2)
    expect(runs.held).toMatchObject([
      { name: 'note', input: 5, options: { generation: 7 } },
      { name: 'note', input: 6, options: { generation: 3, key: 'once' } },
    ])
    runs.held[1]!.resolve({ output: 60, lsn: 2 })
    expect(await second).toEqual({ output: 60, lsn: 2 })
    runs.held[0]!.resolve({ output: 50, lsn: 1 })
    expect(await first).toEqual({ output: 50, lsn: 1 })
    expect(client.queueDepth).toBe(0)
  })

  test('leaves with all others of its turn in one message', async () => {
    const { clients, servers } = newPorts()
    const messages = messagesOf<Commands>(servers)
    const client = newClient()
    client.connect(clients)
    const outcomes = [1, 2, 3].map((input) => outcomeOf(client.transact('note', input)))
    await Promise.resolve()
    outcomes.push(outcomeOf(client.transact('note', 4)))
    await until(() => messages.length > 0)
    outcomes.push(outcomeOf(client.transact('note', 5)))
    await until(() => messages.length > 1)
    expect(messages.map(({ inputs }) => inputs)).toEqual([[1, 2, 3, 4], [5]])
    client.disconnect(false)
    await Promise.all(outcomes)
  })

  test('is answered with all others of its turn in one message', async () => {
    const { clients, servers } = newPorts()
    const messages = messagesOf<Answers>(clients)
    const runs = new HeldRuns()
    const server = new CommandServer(servers, runs.run, plainError)
    post(clients, commandsOf([1, 2, 3, 4]))
    await until(() => runs.held.length === 4)
    runs.held[2]!.resolve({ output: 'c', lsn: 9 })
    runs.held[0]!.reject(new RangeError('a'))
    runs.held[1]!.resolve({ output: 'b', lsn: 8 })
    await until(() => messages.length > 0)
    runs.held[3]!.resolve({ output: 'd', lsn: 10 })
    await until(() => messages.length > 1)
    expect(messages).toMatchObject([
      {
        numbers: [3, 2],
        outputs: ['c', 'b'],
        lsns: [9, 8],
        failures: [{ number: 1, error: { name: 'RangeError', message: 'a' } }],
      },
      { numbers: [4] },
    ])
    server.close()
  })

  test('brings whatever a message can hold, and of bytes only its own', async () => {
    const { client, runs } = newPair()
    const bytes = Buffer.from('from a pool')
    expect(bytes.buffer.byteLength).toBeGreaterThan(bytes.length)
    const inputs = [
      { bytes, at: new Date(5), map: new Map([[1, 2n]]), none: undefined },
      bytes,
      'text',
      null,
      [bytes],
    ]
    const outcomes = inputs.map((input) => outcomeOf(client.transact('keep', input)))
    await until(() => runs.held.length === inputs.length)
    const [fields, alone, ...others] = runs.held.map(({ input }) => input) as [
      { bytes: Uint8Array },
      Uint8Array,
      ...unknown[],
    ]
    expect(fields).toEqual({ ...(inputs[0] as object), bytes: new Uint8Array(bytes) })
    expect(fields.bytes.buffer.byteLength).toBe(bytes.length)
    expect(alone.buffer.byteLength).toBe(bytes.length)
    expect(others).toEqual(['text', null, [new Uint8Array(bytes)]])
    runs.resolveAll()
    expect(await Promise.all(outcomes)).toEqual(inputs.map(() => 'answered'))
  })

  test('whose input cannot be sent fails alone', async () => {
    const { client, runs } = newPair()
    const before = client.transact('note', 1)
    const unfit = client.transact('keep', { call: () => 1 })
    const worse = client.transact('keep', {
      get field() {
        throw new Error('not today')
      },
    })
    const after = client.transact('note', 2)
    await expect(unfit).rejects.toThrow(TypeError)
    await expect(worse).rejects.toThrow('the input of keep cannot be sent: not today')
    await until(() => runs.held.length === 2)
    runs.resolveAll()
    expect(await Promise.all([before, after])).toMatchObject([{ output: 1 }, { output: 2 }])
    expect(client.queueDepth).toBe(0)
  })

  test('whose output cannot be sent fails alone', async () => {
    const { client, runs } = newPair()
    const calls = [1, 2, 3].map((input) => client.transact('note', input))
    await until(() => runs.held.length === 3)
    runs.held[1]!.resolve({ output: (() => 1) as never, lsn: 2 })
    runs.resolveAll()
    expect(await Promise.allSettled(calls)).toMatchObject([
      { value: { output: 1 } },
      { reason: expect.any(TypeError) as TypeError },
      { value: { output: 3 } },
    ])
  })
})

describe('an error', () => {
  test.each([
    new Refusal('HANDLE_TAKEN', 'The handle "hanako" belongs to somebody else.'),
    new DatastoreError('STORE_READ_ONLY', 'nearly full', { advice: 'free some space' }),
    new DatastoreError('LOG_DAMAGED', 'not as written', { file: '1.log', offset: 9, lsn: 4 }),
    new RangeError('too large'),
    new TypeError('no number'),
    new SyntaxError('unreadable'),
    new Error('anything'),
  ])('of the class $name comes back as what it was', async (thrown) => {
    const { client, runs } = newPair()
    const told = client.transact('note', 1)
    await until(() => runs.held.length === 1)
    runs.held[0]!.reject(thrown)
    const [settled] = await Promise.allSettled([told])
    const { reason } = settled as PromiseRejectedResult
    expect(reason).toBeInstanceOf(thrown.constructor)
    const { name, message } = thrown
    expect(reason).toMatchObject({ ...Object.fromEntries(Object.entries(thrown)), name, message })
  })

  test('is made by the code that asked', async () => {
    const asked: number[] = []
    const { client, runs } = newPair({
      revive: (error, generation) => {
        asked.push(generation)
        return reviveError(error)
      },
    })
    const outcomes = [3, 4].map((generation) =>
      outcomeOf(client.transact('note', 1, { generation })),
    )
    await until(() => runs.held.length === 2)
    for (const { reject } of runs.held) reject(new Error('no'))
    await Promise.all(outcomes)
    expect(asked).toEqual([3, 4])
  })

  test('thrown instead of returned is one like any other', async () => {
    const { clients, servers } = newPorts()
    const client = newClient()
    client.connect(clients)
    const throws = (): never => {
      throw new RangeError('at once')
    }
    const server = new CommandServer(servers, throws, plainError)
    await expect(client.transact('note', 1)).rejects.toThrow(RangeError)
    await server.handOver()
  })
})

describe('the queue', () => {
  test('is bounded: one more is refused at once, and runs never', async () => {
    const { client, runs } = newPair({ queuedMax: 3 })
    const outcomes = [1, 2, 3].map((input) => outcomeOf(client.transact('note', input)))
    await expect(client.transact('note', 4)).rejects.toMatchObject({ code: 'STORE_BUSY' })
    await until(() => runs.held.length === 3)
    await expect(client.transact('note', 4)).rejects.toMatchObject({ code: 'STORE_BUSY' })
    runs.held[0]!.resolve({ output: 1, lsn: 1 })
    await outcomes[0]
    const fits = outcomeOf(client.transact('note', 5))
    await until(() => runs.held.length === 4)
    runs.resolveAll()
    await Promise.all([...outcomes, fits])
    expect(runs.held.map(({ input }) => input)).toEqual([1, 2, 3, 5])
  })

  test('counts what was given up until the store thread has heard of it', async () => {
    const { clients, servers } = newPorts()
    const client = newClient({ queuedMax: 1 })
    client.connect(clients)
    const messages = messagesOf<Commands>(servers)
    const given = new AbortController()
    const outcome = outcomeOf(client.transact('note', 1, { signal: given.signal }))
    await until(() => messages.length === 1)
    given.abort()
    expect(await outcome).toBe('AbortError')
    expect(client.queueDepth).toBe(1)
    await expect(client.transact('note', 2)).rejects.toMatchObject({ code: 'STORE_BUSY' })
    post(servers, { ...noAnswers(), dropped: [1] })
    await until(() => client.queueDepth === 0)
  })

  test('in the store thread takes a thousand at a time, in order', async () => {
    const { client, runs } = newPair()
    const outcomes = Array.from({ length: 2500 }, (_, input) =>
      outcomeOf(client.transact('note', input)),
    )
    await until(() => runs.held.length > 0)
    expect(runs.held).toHaveLength(1024)
    runs.resolveAll()
    await until(() => runs.held.length > 1024)
    runs.resolveAll()
    await until(() => runs.held.length === 2500)
    runs.resolveAll()
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['answered']))
    expect(runs.held.map(({ input }) => input)).toEqual(outcomes.map((_, index) => index))
  })
})

describe('a deadline', () => {
  test('tells the caller that nobody knows, and cancels what the store has not taken', async () => {
    const { clients, servers } = newPorts()
    const time = new HeldTime()
    const client = newClient({ time })
    client.connect(clients)
    const early = client.transact('note', 1).catch((error: unknown) => error)
    await until(() => client.queueDepth === 1)
    time.advance(DEADLINE_MS - 1)
    const late = client.transact('note', 2)
    // The store thread is held up: it has not looked into its port.
    await turn()
    time.advance(1)
    const told = (await early) as DatastoreError
    expect(told).toMatchObject({ name: 'DatastoreError', code: 'STORE_TIMEOUT' })
    expect(told.message).toContain('is unknown')
    await turn()
    const runs = new HeldRuns()
    const server = new CommandServer(servers, runs.run, plainError)
    await until(() => runs.held.length === 1)
    runs.resolveAll()
    expect(await late).toMatchObject({ output: 2 })
    await until(() => client.queueDepth === 0)
    expect(runs.held.map(({ input }) => input)).toEqual([2])
    server.close()
  })

  test('does not stop what is already taken, and its answer is nobody’s', async () => {
    const { client, runs, time } = newPair()
    const outcome = outcomeOf(client.transact('note', 1))
    await until(() => runs.held.length === 1)
    time.advance(DEADLINE_MS)
    expect(await outcome).toBe('STORE_TIMEOUT, unknown')
    expect(client.queueDepth).toBe(1)
    runs.resolveAll()
    await until(() => client.queueDepth === 0)
  })

  test('reaches those who wait for another store thread; nothing of theirs is run', async () => {
    const { client, runs, time } = newPair()
    client.disconnect(true)
    const outcome = outcomeOf(client.transact('note', 1))
    await turn()
    time.advance(DEADLINE_MS)
    expect(await outcome).toBe('STORE_TIMEOUT, not run')
    expect(client.queueDepth).toBe(0)
    const { clients, servers } = newPorts()
    const server = new CommandServer(servers, runs.run, plainError)
    client.connect(clients)
    const next = outcomeOf(client.transact('note', 2))
    await until(() => runs.held.length === 1)
    runs.resolveAll()
    expect(await next).toBe('answered')
    expect(runs.held.map(({ input }) => input)).toEqual([2])
    server.close()
  })

  test('of a thousand commands takes one timer', async () => {
    const { client, runs, time } = newPair()
    const outcomes: Promise<string>[] = []
    for (let input = 0; input < 1000; input++) {
      outcomes.push(outcomeOf(client.transact('note', input)))
      time.advance(0.5)
    }
    expect(time.timerCount).toBe(1)
    time.advance(DEADLINE_MS / 2)
    const told = await Promise.all(outcomes.slice(0, 1000 - DEADLINE_MS + 1))
    expect(told).toEqual(['STORE_TIMEOUT, not run'])
    expect(time.timerCount).toBe(1)
    await until(() => runs.held.length === 999)
    runs.resolveAll()
    await Promise.all(outcomes)
    await until(() => client.queueDepth === 0)
    expect(time).toMatchObject({ timerCount: 1, isHolding: false })
    const next = outcomeOf(client.transact('note', 1))
    expect(time).toMatchObject({ timerCount: 1, isHolding: true })
    await until(() => runs.held.length === 1000)
    runs.resolveAll()
    await next
    time.advance(10 * DEADLINE_MS)
    expect(time.timerCount).toBe(0)
  })
})

describe('a caller that is gone', () => {
  test('before the command has left is not heard of in the store thread', async () => {
    const { client, runs } = newPair()
    const gone = new AbortController()
    const first = outcomeOf(client.transact('note', 1, { signal: gone.signal }))
    const second = outcomeOf(client.transact('note', 2))
    gone.abort()
    expect(await first).toBe('AbortError')
    expect(client.queueDepth).toBe(1)
    expect(await outcomeOf(client.transact('note', 3, { signal: gone.signal }))).toBe('AbortError')
    await until(() => runs.held.length === 1)
    runs.resolveAll()
    expect(await second).toBe('answered')
    expect(runs.held.map(({ input }) => input)).toEqual([2])
  })

  test('before the command is taken has it dropped', async () => {
    const { clients, servers } = newPorts()
    const client = newClient()
    client.connect(clients)
    const gone = new AbortController()
    const outcomes = [1, 2, 3].map((input) =>
      outcomeOf(client.transact('note', input, input === 2 ? { signal: gone.signal } : {})),
    )
    await turn()
    gone.abort(new Error('hung up'))
    expect(await outcomes[1]).toBe('hung up')
    await turn()
    const runs = new HeldRuns()
    const server = new CommandServer(servers, runs.run, plainError)
    await until(() => runs.held.length === 2)
    runs.resolveAll()
    await Promise.all(outcomes)
    await until(() => client.queueDepth === 0)
    expect(runs.held.map(({ input }) => input)).toEqual([1, 3])
    server.close()
  })

  test('after it is taken misses the answer', async () => {
    const { client, runs } = newPair()
    const gone = new AbortController()
    const outcome = outcomeOf(client.transact('note', 1, { signal: gone.signal }))
    await until(() => runs.held.length === 1)
    gone.abort()
    expect(await outcome).toBe('AbortError')
    runs.held[0]!.reject(new Error('nobody hears this'))
    await until(() => client.queueDepth === 0)
  })

  test('leaves no listener behind, nor does one that is answered', async () => {
    const { client, runs, time } = newPair()
    const { signal } = new AbortController()
    const outcomes = [1, 2, 3].map((input) => outcomeOf(client.transact('note', input, { signal })))
    expect(getEventListeners(signal, 'abort')).toHaveLength(3)
    await until(() => runs.held.length === 3)
    runs.held[0]!.resolve({ output: 1, lsn: 1 })
    runs.held[1]!.reject(new Error('no'))
    await Promise.all(outcomes.slice(0, 2))
    time.advance(DEADLINE_MS)
    await outcomes[2]
    client.disconnect(false)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('a hand-over', () => {
  test.each(['the client first', 'the store thread first', 'the store thread alone'])(
    'to which %s is told: what is taken is answered, the rest goes to the next',
    async (order) => {
      const { client, runs, server } = newPair()
      const taken = [1, 2].map((input) => client.transact('note', input))
      await until(() => runs.held.length === 2)
      const late = client.transact('note', 3)
      // Leaves, and lies in the port of a store thread that has stopped.
      if (order !== 'the client first') setImmediate(() => void server.handOver())
      else client.disconnect(true)
      await turn()
      const handedOver = server.handOver()
      if (order === 'the store thread first') client.disconnect(true)
      const later = client.transact('note', 4)
      runs.resolveAll()
      expect(await Promise.all(taken)).toMatchObject([{ output: 1 }, { output: 2 }])
      await handedOver
      expect(runs.held).toHaveLength(2)

      const { clients, servers } = newPorts()
      const next = new HeldRuns()
      const nextServer = new CommandServer(servers, next.run, plainError)
      client.connect(clients)
      const latest = client.transact('note', 5)
      await until(() => next.held.length === 3)
      next.resolveAll()
      expect(await Promise.all([late, later, latest])).toMatchObject([
        { output: 3 },
        { output: 4 },
        { output: 5 },
      ])
      expect(next.held.map(({ input }) => input)).toEqual([3, 4, 5])
      expect(runs.held).toHaveLength(2)
      nextServer.close()
    },
  )

  test('loses no answer that still lies in the port when the next one is there', async () => {
    const { client, runs, server } = newPair()
    const taken = client.transact('note', 1)
    await until(() => runs.held.length === 1)
    const back = client.transact('note', 2)
    const { clients, servers } = newPorts()
    const handedOver = server.handOver()
    runs.resolveAll()
    // Posted, and not looked at: this runs before the event loop comes to the port.
    await handedOver
    const next = new HeldRuns()
    const nextServer = new CommandServer(servers, next.run, plainError)
    client.connect(clients)
    expect(await taken).toMatchObject({ output: 1 })
    await until(() => next.held.length === 1)
    next.resolveAll()
    expect(await back).toMatchObject({ output: 2 })
    nextServer.close()
  })

  test('keeps the order of what was sent in vain and what was never sent', async () => {
    const { client, runs, server } = newPair()
    const gone = new AbortController()
    const outcomes = [1, 2].map((input) => outcomeOf(client.transact('note', input)))
    const given = outcomeOf(client.transact('note', 3, { signal: gone.signal }))
    // They have left, and nobody has looked at them.
    await new Promise((resolve) => setImmediate(resolve))
    client.disconnect(true)
    outcomes.push(...[4, 5].map((input) => outcomeOf(client.transact('note', input))))
    await server.handOver()
    gone.abort()
    expect(await given).toBe('AbortError')
    expect(client.queueDepth).toBe(5)
    await until(() => client.queueDepth === 4)
    const { clients, servers } = newPorts()
    const nextServer = new CommandServer(servers, runs.run, plainError)
    client.connect(clients)
    await until(() => runs.held.length === 4)
    runs.resolveAll()
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['answered']))
    expect(runs.held.map(({ input }) => input)).toEqual([1, 2, 4, 5])
    nextServer.close()
  })

  test('leaves what waits in the store thread to the next one', async () => {
    const { client, runs, server } = newPair()
    const inputs = Array.from({ length: 1500 }, (_, index) => index)
    const outcomes = inputs.map((input) => outcomeOf(client.transact('note', input)))
    await until(() => runs.held.length === 1024)
    const handedOver = server.handOver()
    runs.resolveAll()
    await handedOver
    expect(runs.held).toHaveLength(1024)
    const { clients, servers } = newPorts()
    const nextServer = new CommandServer(servers, runs.run, plainError)
    client.connect(clients)
    await until(() => runs.held.length === 1500)
    runs.resolveAll()
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['answered']))
    expect(runs.held.map(({ input }) => input)).toEqual(inputs)
    nextServer.close()
  })

  test('in which the store thread ends goes on with the next one', async () => {
    const { client, runs, server } = newPair()
    const first = client.transact('note', 1)
    await until(() => runs.held.length === 1)
    runs.resolveAll()
    await first
    await server.handOver()
    server.close()
    await turn()
    const waiting = client.transact('note', 2)
    await turn()
    expect(client.queueDepth).toBe(1)
    const { clients, servers } = newPorts()
    const next = new HeldRuns()
    const nextServer = new CommandServer(servers, next.run, plainError)
    client.connect(clients)
    await until(() => next.held.length === 1)
    next.resolveAll()
    expect(await waiting).toMatchObject({ output: 2 })
    nextServer.close()
  })

  test('that fails half way: what was taken is unknown, and who waits is told', async () => {
    const { client, runs, server } = newPair()
    const taken = outcomeOf(client.transact('note', 1))
    await until(() => runs.held.length === 1)
    void server.handOver()
    const waiting = outcomeOf(client.transact('note', 2))
    await turn()
    server.close()
    expect(await taken).toBe('STORE_UNAVAILABLE, unknown')
    expect(client.queueDepth).toBe(1)
    client.disconnect(false)
    expect(await waiting).toBe('STORE_UNAVAILABLE, not run')
  })

  test('asked for twice is one', async () => {
    const { runs, server, client } = newPair()
    const outcome = outcomeOf(client.transact('note', 1))
    await until(() => runs.held.length === 1)
    const both = Promise.all([server.handOver(), server.handOver()])
    runs.resolveAll()
    await both
    expect(await outcome).toBe('answered')
  })
})

describe('without a store thread', () => {
  test('a command is refused at once, until there is one', async () => {
    const client = newClient()
    expect(await outcomeOf(client.transact('note', 1))).toBe('STORE_UNAVAILABLE, not run')
    const { clients, servers } = newPorts()
    const runs = new HeldRuns()
    const server = new CommandServer(servers, runs.run, plainError)
    client.connect(clients)
    const outcome = outcomeOf(client.transact('note', 2))
    await until(() => runs.held.length === 1)
    runs.resolveAll()
    expect(await outcome).toBe('answered')
    server.close()
  })

  test.each(['its port closes', 'somebody says so'])(
    'that has died, and %s: the outcome of what was sent is unknown',
    async (how) => {
      const { client, runs, server } = newPair()
      const gone = new AbortController()
      const sent = outcomeOf(client.transact('note', 1))
      const given = outcomeOf(client.transact('note', 0, { signal: gone.signal }))
      await until(() => runs.held.length === 2)
      gone.abort()
      expect(await given).toBe('AbortError')
      if (how === 'its port closes') server.close()
      else client.disconnect(false)
      const unsent = outcomeOf(client.transact('note', 2))
      expect(await sent).toBe('STORE_UNAVAILABLE, unknown')
      expect(await unsent).toMatch(/^STORE_UNAVAILABLE/)
      expect(await outcomeOf(client.transact('note', 3))).toBe('STORE_UNAVAILABLE, not run')
      expect(client.queueDepth).toBe(0)
      runs.resolveAll()
      await turn()
      expect(runs.held).toHaveLength(2)
    },
  )

  test('an answer that was given before it died is told', async () => {
    const { clients, servers } = newPorts()
    const client = newClient()
    client.connect(clients)
    const outcomes = [1, 2].map((input) => outcomeOf(client.transact('note', input)))
    await turn()
    post(servers, { ...noAnswers(), numbers: [1], outputs: [1], lsns: [1] })
    client.disconnect(false)
    expect(await Promise.all(outcomes)).toEqual(['answered', 'STORE_UNAVAILABLE, unknown'])
    // Too late, and to nobody.
    post(servers, { ...noAnswers(), numbers: [2], outputs: [2], lsns: [2] })
    await turn()
  })
})

seededTest('whatever happens in whatever order, nobody is told what is not so', async (random) => {
  await tellStory(random)
})

/**
 * Commands, aborts, deadlines, hand-overs and deaths as they come; at the end every caller has been
 * told, and what it was told is what was run.
 */
async function tellStory(random: Random): Promise<void> {
  const time = new HeldTime()
  const client = newClient({ time, queuedMax: 40 })
  const runs = new HeldRuns()
  const told = new Map<number, string>()
  const outcomes: Promise<void>[] = []
  const aborts: AbortController[] = []
  let server: CommandServer | undefined
  const start = (): void => {
    const { port1, port2 } = new MessageChannel()
    server = new CommandServer(port2, runs.run, plainError)
    client.connect(port1)
  }
  const ask = (): void => {
    const input = outcomes.length
    const abort = new AbortController()
    aborts.push(abort)
    const outcome = outcomeOf(client.transact('note', input, { signal: abort.signal }))
    outcomes.push(outcome.then((outcome) => void told.set(input, outcome)))
  }
  const handOver = async (): Promise<void> => {
    const isFirst = random.once(2)
    if (isFirst) client.disconnect(true)
    const handedOver = server?.handOver()
    for (let count = random.below(4); count > 0; count--) ask()
    if (random.once(2)) await turn()
    if (!isFirst && random.once(2)) client.disconnect(true)
    runs.resolveAll()
    await handedOver
    if (random.once(3)) server?.close()
    if (random.once(2)) await turn()
    start()
  }
  const die = async (): Promise<void> => {
    server?.close()
    runs.forgetAll()
    if (random.once(2)) client.disconnect(false)
    for (let count = random.below(4); count > 0; count--) ask()
    if (random.once(2)) await turn()
    start()
  }
  start()
  for (let step = 0; step < 400; step++) {
    const choice = random.below(100)
    if (choice < 40) ask()
    else if (choice < 50) await turn()
    else if (choice < 60) await new Promise((resolve) => setImmediate(resolve))
    else if (choice < 75) runs.resolveSome(random)
    else if (choice < 85 && aborts.length > 0) random.pick(aborts.slice(-20)).abort()
    else if (choice < 91) time.advance(random.below(DEADLINE_MS / 2))
    else if (choice < 97) await handOver()
    else await die()
  }
  await until(() => {
    runs.resolveAll()
    return told.size === outcomes.length && client.queueDepth === 0
  })
  const inputs = runs.held.map(({ input }) => input as number)
  expect(inputs).toEqual([...new Set(inputs)].toSorted((a, b) => a - b))
  for (const [input, outcome] of told) {
    if (outcome === 'answered') expect(inputs, `${input} was answered`).toContain(input)
    if (/not run|STORE_BUSY/.test(outcome))
      expect(inputs, `${input}: ${outcome}`).not.toContain(input)
  }
  expect([...told.values()]).toContain('answered')
  server?.close()
}

function post(port: MessagePort, message: Commands | Answers): void {
  port.postMessage(message)
}

function commandsOf(numbers: number[]): Commands {
  const commands: Commands = { ...noCommands(), numbers }
  for (const number of numbers) {
    commands.generations.push(1)
    commands.names.push('note')
    commands.inputs.push(number)
    commands.keys.push(undefined)
  }
  return commands
}

/** Some turns of the event loop: what was posted has arrived, where somebody listens. */
async function turn(): Promise<void> {
  for (let count = 0; count < 3; count++) await new Promise((resolve) => setImmediate(resolve))
}
