// Hot: bench `rendering` shows it.
//
// Fragments: the part of an answer that is the same for everybody, as JSON text, kept for as long
// as the rows that it was written from stay as they are.
//
//   {"id":"7","author":{…},"caption":"Sea","media":[…],…  ,"likes":3,"comments":1  ,"viewer":…
//   └── steady: rows of posts, users, media, files ─────┘ └── counts ───────────┘ └── never kept
//
// The steady part is written through `RowSource`, which notes each row that is read, its version,
// and hands out rows without their counters, which a version does not speak for. It is used while
// every noted row has the noted version, a missing row that of 0: so a new name of an author shows
// in all of the author's posts at once, and nobody has to think of what else to throw away. Behind
// it stand the counts. Both together are one text, which serves without a look at any row for as
// long as nothing at all has changed in the store (`state` of View), which is most of the time
// between two requests. Whether something may be seen, and what its viewer did with it, is looked
// up at each answer.
//
// What could make a fragment wrong, and why it does not:
//   (1) Torn memory. A query may run several times, and only its last run has seen one state: each
//       run collects what it writes in a `Rendering` of its own, and only that of a query that has
//       succeeded is kept. What a run on torn memory finds is discarded with the run; all that it
//       leaves behind is a text with the number of its state, which is odd, or has passed, and
//       then no other run has that number.
//   (2) A version that means something else. Row ids and versions may be given a second time when a
//       store is recovered (what was not durable is lost) or its schema is changed, and only then.
//       A reader then has another view, so the fragments are those of one view, and all go when
//       another one comes. What was read through the view before is not kept.
//   (3) A transaction that is undone, after which another one gives the version again. No reader
//       sees a version of a transaction that has not committed.
//
// The cache is two generations: what is used is in the young one, or moves there. When that one is
// full, it becomes the old one, and the old one goes. So what is used stays, a look-up moves
// nothing most of the time, and both together never hold more than `sizeMax` bytes.

import { tables } from '../../model/schema.ts'
import type { NewRow } from '../../engine/schema.ts'
import type { AnyTable, View } from '../../engine/view.ts'

/**
 * Bytes of a cache, one in each http thread: some 30,000 posts. What does not fit is written anew
 * for each answer, at three to four times the cost (bench `rendering`, "without fragments").
 */
const FRAGMENTS_SIZE_MAX = 32 * 1024 * 1024
/** Bytes of a fragment besides its text and its notes: itself, its counts, its places in maps. */
const OVERHEAD_SIZE = 400
/** Bytes of a number in a list that has grown. */
const NOTED_NUMBER_SIZE = 12
const KIND_COUNT = 4
/** A state that no store is in. */
const NO_STATE = -1
/** Numbers of a note: table, row, version. */
const NOTE_SIZE = 3
/** By the ids of the tables. */
const TABLES: readonly (AnyTable | undefined)[] = Array.from(
  { length: Math.max(...tables.map(({ id }) => id)) + 1 },
  (_, id) => tables.find((table) => table.id === id),
)

/** A row as far as its version speaks for it: without counters. */
export type SteadyRow<T> = { readonly id: number } & Required<NewRow<T>>

/** What the steady part is written from. */
export interface RowSource {
  get<T extends AnyTable>(table: T, row: number): SteadyRow<T> | undefined
}

export interface FragmentKind {
  /** Among all kinds; below KIND_COUNT. */
  readonly id: number
  /** The text about the row, from nothing but what `rows` hands out. */
  steady(rows: RowSource, row: number): string
  /** What follows: what changes too often to be worth keeping. */
  counts(view: View, row: number): string
}

interface Fragment {
  readonly key: number
  readonly steady: string
  /** Table, row and version of what the steady part was written from, one after the other. */
  readonly notes: readonly number[]
  /** Bytes, those of `text` included. */
  readonly size: number
  /** The steady part and the counts, as they are in `state`. */
  text: string
  state: number
}

/** Where queries are run. */
interface Readable {
  read<T>(query: (view: View) => T): Promise<T>
}

/** One run of a query that renders. */
export class Rendering {
  readonly view: View
  /** What was written in this run. */
  readonly fresh: Fragment[]
  readonly #fragments: Fragments
  readonly #state: number

  constructor(view: View, fragments: Fragments) {
    this.view = view
    this.fresh = []
    this.#fragments = fragments
    const { state } = view
    this.#state = state % 2 === 0 ? state : NO_STATE
  }

  /** The fragment of that kind about that row, as the view has it. */
  text(kind: FragmentKind, row: number): string {
    const known = this.#fragments.find(kind, row)
    if (known !== undefined && known.state === this.#state && known.state !== NO_STATE) {
      return known.text
    }
    const fragment =
      known !== undefined && isGood(known, this.view) ? known : this.#write(kind, row)
    fragment.text = flat(fragment.steady + kind.counts(this.view, row))
    fragment.state = this.#state
    return fragment.text
  }

  #write(kind: FragmentKind, row: number): Fragment {
    const rows = new NotedRows(this.view)
    const steady = flat(kind.steady(rows, row))
    const fragment: Fragment = {
      key: keyOf(kind, row),
      steady,
      notes: rows.notes,
      size: OVERHEAD_SIZE + rows.notes.length * NOTED_NUMBER_SIZE + 2 * sizeOf(steady),
      text: '',
      state: NO_STATE,
    }
    this.fresh.push(fragment)
    return fragment
  }
}

class NotedRows implements RowSource {
  readonly notes: number[]
  readonly #view: View

  constructor(view: View) {
    this.notes = []
    this.#view = view
  }

  get<T extends AnyTable>(table: T, row: number): SteadyRow<T> | undefined {
    this.notes.push(table.id, row, this.#view.version(table, row))
    return this.#view.get(table, row) as SteadyRow<T> | undefined
  }
}

/** The fragments of one thread. */
export class Fragments {
  readonly #halfMax: number
  /** Weak: after a recovery, a thread that is not asked would keep the whole memory of before. */
  #view: WeakRef<View> | undefined
  #young: Map<number, Fragment>
  #youngSize: number
  #old: Map<number, Fragment>
  #oldSize: number

  /** `sizeMax` is in bytes; 0 keeps nothing. */
  constructor(sizeMax = FRAGMENTS_SIZE_MAX) {
    this.#halfMax = sizeMax / 2
    this.#view = undefined
    this.#young = new Map()
    this.#youngSize = 0
    this.#old = new Map()
    this.#oldSize = 0
  }

  /** Bytes that are kept. */
  get size(): number {
    return this.#youngSize + this.#oldSize
  }

  /** Runs a query that renders. Rejects with what `store.read` rejects with. */
  render(store: Readable, query: (rendering: Rendering) => string): Promise<string> {
    let rendering: Rendering | undefined
    const reading = store.read((view) => {
      this.#turnTo(view)
      rendering = new Rendering(view, this)
      return query(rendering)
    })
    return reading.then((text) => {
      this.#keep(rendering!)
      return text
    })
  }

  /** Forgets everything. */
  clear(): void {
    this.#view = undefined
    this.#young = new Map()
    this.#youngSize = 0
    this.#old = new Map()
    this.#oldSize = 0
  }

  /** Whether it may be used, is for whoever asks to find out. */
  find(kind: FragmentKind, row: number): Fragment | undefined {
    const key = keyOf(kind, row)
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.#add(old)
    return old
  }

  #turnTo(view: View): void {
    if (this.#view?.deref() === view) return
    this.clear()
    this.#view = new WeakRef(view)
  }

  #keep({ view, fresh }: Rendering): void {
    // Another view may have come while the answer waited to be durable.
    if (fresh.length === 0 || this.#view?.deref() !== view) return
    for (const fragment of fresh) this.#add(fragment)
  }

  #add(fragment: Fragment): void {
    const { key, size } = fragment
    if (size > this.#halfMax) return
    let grown = this.#youngSize + size - (this.#young.get(key)?.size ?? 0)
    if (grown > this.#halfMax) {
      this.#old = this.#young
      this.#oldSize = this.#youngSize
      this.#young = new Map()
      grown = size
    }
    this.#young.set(key, fragment)
    this.#youngSize = grown
  }
}

function keyOf(kind: FragmentKind, row: number): number {
  return row * KIND_COUNT + kind.id
}

/** Whether all rows that the fragment was written from are as they were. */
function isGood({ notes }: Fragment, view: View): boolean {
  for (let index = 0; index < notes.length; index += NOTE_SIZE) {
    const table = TABLES[notes[index]!]!
    if (view.version(table, notes[index + 1]!) !== notes[index + 2]!) return false
  }
  return true
}

/** Bytes of a flat text in memory. */
function sizeOf(text: string): number {
  // Latin-1 takes one byte a character.
  return /^[\0-\xff]*$/.test(text) ? text.length : 2 * text.length
}

/** The same text in one piece: what is put together of two refers to them, until somebody looks. */
function flat(text: string): string {
  FIRST.test(text)
  return text
}

const FIRST = /^./
