// The yardstick of the HTTP benches: a Fastify that does nothing. `/N` answers with N constant
// bytes of JSON, whatever the method, after reading and parsing the body that came. What a route
// of ours costs is what it is slower than this.
//
// Started as a process of its own, as the server is, with the number of its threads, which share a
// port; it says the port to its parent.

import { once } from 'node:events'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import fastify from 'fastify'
import type { AddressInfo } from 'node:net'

/** Listens on a port that other threads may share; 0: any free one. */
async function serve(port: number): Promise<number> {
  const app = fastify({ logger: false })
  const bodies = new Map<string, string>()
  app.all<{ Params: { size: string } }>('/:size', (request, reply) => {
    const { size } = request.params
    let body = bodies.get(size)
    if (body === undefined) {
      body = JSON.stringify('x'.repeat(Math.max(Number(size) - 2, 0)))
      bodies.set(size, body)
    }
    void reply.header('content-type', 'application/json; charset=utf-8').send(body)
  })
  await app.ready()
  app.server.listen({ host: '127.0.0.1', port, reusePort: true })
  await once(app.server, 'listening')
  return (app.server.address() as AddressInfo).port
}

if (isMainThread) {
  process.on('disconnect', () => process.exit(0))
  const count = Number(process.argv[2] ?? 1)
  let port = 0
  for (let number = 1; number <= count; number++) {
    const name = `http ${number}`
    const worker = new Worker(new URL(import.meta.url), { name, workerData: port })
    port = ((await once(worker, 'message')) as [number])[0]
  }
  process.send?.(port)
} else {
  parentPort!.postMessage(await serve(workerData as number), [])
}
