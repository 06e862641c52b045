// A reader whose query takes longer than the writer leaves between two batches: a thread that ends
// once it has read one state, and says in shared memory whether it was one, and how often it tried.

import { workerData } from 'node:worker_threads'
import { StoreReader } from '../../src/engine/store-reader.ts'
import { people } from './small-store.ts'
import type { StoreHandle } from '../../src/engine/store-reader.ts'

const QUERY_MS = 3

interface SlowTask {
  readonly handle: StoreHandle
  /** Words: 1 when it has read a state, -1 when that was none; how often it had to try again. */
  readonly control: SharedArrayBuffer
}

function read({ handle, control }: SlowTask): void {
  const words = new Int32Array(control)
  const reader = new StoreReader(handle, 'latest')
  const isOneState = reader.readNow((view) => {
    const before = view.rowCount(people)
    for (const end = performance.now() + QUERY_MS; performance.now() < end;);
    return view.rowCount(people) === before
  })
  words[1] = reader.retries
  Atomics.store(words, 0, isOneState ? 1 : -1)
}

if (workerData !== null) read(workerData as SlowTask)
