// The reading half of the seqlock test, in a thread of its own: reads a column whose words are all
// equal in every state that a writer leaves, and counts the reads that saw otherwise.
//
// Reads are counted in shared memory, so that the writer goes on for as long as there is somebody
// to disturb.

import { workerData } from 'node:worker_threads'
import { Column } from '../../src/engine/memory/column.ts'
import { Memory } from '../../src/engine/memory/memory.ts'
import type { MemoryHandle } from '../../src/engine/memory/memory.ts'

export interface ReaderTask {
  readonly handle: MemoryHandle
  /** Words that both threads see: the four below. */
  readonly control: SharedArrayBuffer
  readonly wordCount: number
  readonly stride: number
}

/** Reads so far. */
export const READS = 0
/** 1 when the reader is to end. */
export const STOP = 1
/** Reads that saw no state that ever was, or an older one than before. */
export const TORN = 2
/** Different states seen. */
export const STATES = 3

function read({ handle, control, wordCount, stride }: ReaderTask): void {
  const counters = new Int32Array(control)
  const memory = new Memory(handle)
  const column = new Column(memory.region('words', 2 ** 20), 4)
  let newest = -1
  while (Atomics.load(counters, STOP) === 0) {
    try {
      const value = memory.seqlock.read(() => {
        const first = column.get(0)
        for (let index = 1; index < wordCount; index++) {
          if (column.get(index * stride) !== first) throw new Error('torn')
        }
        return first
      })
      if (value < newest) counters[TORN]!++
      if (value !== newest) counters[STATES]!++
      newest = value
    } catch {
      counters[TORN]!++
    }
    Atomics.add(counters, READS, 1)
  }
}

if (workerData !== null) read(workerData as ReaderTask)
