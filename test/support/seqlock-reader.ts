// The reading half of the seqlock test, in a thread of its own: reads a column whose words are all equal in every state
// that a writer leaves, and counts the reads that saw otherwise.
//
// Reads are counted in shared memory, so that the writer goes on for as long as there is somebody to disturb.

import { parentPort, workerData } from 'node:worker_threads'
import { Column } from '../../src/engine/memory/column.ts'
import { Memory } from '../../src/engine/memory/memory.ts'
import type { MemoryHandle } from '../../src/engine/memory/memory.ts'

export interface ReaderTask {
  readonly handle: MemoryHandle
  /** Word 0 counts reads; word 1 is 1 when the reader is to end. */
  readonly control: SharedArrayBuffer
  readonly wordCount: number
  readonly stride: number
}

export interface ReaderReport {
  readonly torn: number
  readonly retries: number
  /** Different states seen. */
  readonly states: number
}

const { handle, control, wordCount, stride } = workerData as ReaderTask
const counters = new Int32Array(control)
const memory = new Memory(handle)
const column = new Column(memory.region('words', 2 ** 20), 4)
let torn = 0
let states = 0
let newest = -1
while (Atomics.load(counters, 1) === 0) {
  try {
    const value = memory.seqlock.read(() => {
      const first = column.get(0)
      for (let index = 1; index < wordCount; index++) {
        if (column.get(index * stride) !== first) throw new Error('torn')
      }
      return first
    })
    if (value < newest) torn++
    if (value !== newest) states++
    newest = value
  } catch {
    torn++
  }
  Atomics.add(counters, 0, 1)
}
const report: ReaderReport = { torn, retries: memory.seqlock.retries, states }
parentPort!.postMessage(report)
