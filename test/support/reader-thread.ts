// A reader for the torture of readers, in a thread of its own: checks promises of the restless
// network as fast as it can, and counts those that it found broken.
//
// `unguarded` readers do without the seqlock. They are the mutants that show that the torture finds
// torn reads when there are any.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Memory } from '../../src/engine/memory/memory.ts'
import { StoreReader } from '../../src/engine/store-reader.ts'
import { Tables } from '../../src/engine/tables.ts'
import { TablesView } from '../../src/engine/view.ts'
import { promises } from './restless-network.ts'
import type { StoreHandle } from '../../src/engine/store-reader.ts'
import type { View } from '../../src/engine/view.ts'

export interface ReaderTask {
  readonly handle: StoreHandle
  readonly control: SharedArrayBuffer
  readonly seed: number
  readonly unguarded: boolean
}

export interface ReaderReport {
  readonly retries: number
  /** The first sentences about broken promises. */
  readonly sentences: readonly string[]
}

/**
 * Words of `control`: reads of all readers, 1 when they are to end, broken promises found, handles
 * adopted.
 */
export const READS = 0
export const STOP = 1
export const TORN = 2
export const ADOPTED = 3

const SENTENCES_MAX = 5

function read({ handle, control, seed, unguarded }: ReaderTask): void {
  const counters = new Int32Array(control)
  const reader = new StoreReader(handle, 'latest')
  let blind = viewOf(handle)
  const sentences: string[] = []
  for (const query of promises(seed)) {
    if (Atomics.load(counters, STOP) === 1) break
    let sentence: string | undefined
    try {
      sentence = unguarded ? query(blind) : reader.readNow(query)
    } catch (error) {
      sentence = String(error)
    }
    Atomics.add(counters, READS, 1)
    if (sentence !== undefined) {
      Atomics.add(counters, TORN, 1)
      if (sentences.length < SENTENCES_MAX) sentences.push(sentence.slice(0, 200))
    }
    const message = receiveMessageOnPort(parentPort!)?.message as StoreHandle | undefined
    if (message !== undefined) {
      reader.adopt(message)
      blind = viewOf(message)
      Atomics.add(counters, ADOPTED, 1)
    }
  }
  const report: ReaderReport = { retries: reader.retries, sentences }
  parentPort!.postMessage(report, [])
}

function viewOf({ memory, storeId, schema }: StoreHandle): View {
  return new TablesView(new Tables(new Memory(memory, undefined, 'read'), storeId, schema))
}

if (workerData !== null) read(workerData as ReaderTask)
