// The transaction log as the rest of the engine sees it: one sequence of transactions, numbered 1,
// 2, 3, …, which grows at one end, is cut at the other, and is the truth about what has happened.
//
//   truncate ──▶ ╎ firstLsn ················ durableLsn ······ lastLsn │ ◀── append
//                ╎                                │                    │
//                ╎ retired segments               │ a crash may take   │ next: lastLsn + 1
//                                                 │ these away         │
//
// The embedded default keeps it in local files (log/local-log.ts). It is an interface because a
// replicated log is to take its place without a change above: every implementation passes
// test/support/transaction-log-suite.ts.
//
// Invariants, whatever the implementation
//   (1) LSNs are dense: a batch begins at lastLsn + 1 of the log, or it is not taken.
//   (2) What `durableLsn` has reached is never taken back, by a crash neither; it never falls.
//   (3) There is at most one writer: `acquire` ends the one before. A writer that was ended answers
//       `fenced` from then on, and nothing that it had not been told durable is appended behind the
//       new one's back.
//   (4) After the first `unknown` a writer answers nothing else. Whether that batch is in the log
//       only recovery can tell, for the device that could not say whether it wrote cannot say
//       whether it will.
//   (5) `read` and `follow` deliver whole batches, in order, without a gap, each transaction once.
//       They verify what they deliver and throw DatastoreError rather than deliver damage.

/**
 * Consecutive transactions as one unit of durability. `payload` is their encodings one after the
 * other; the log does not look inside.
 */
export interface Batch {
  readonly firstLsn: number
  readonly count: number
  readonly payload: Buffer
}

export type AppendOutcome =
  /** As durable as the mode asks; `durableLsn` tells how far the log is safe from a crash. */
  | { readonly outcome: 'durable' }
  /** Another writer has taken over: nothing was written. */
  | { readonly outcome: 'fenced' }
  /** The log is poisoned: this batch may be in it or not, and nothing later can succeed. */
  | { readonly outcome: 'unknown'; readonly cause: Error }

/** What a writer tells by itself, outside the answers to its calls. */
export interface LogListener {
  /**
   * `durableLsn` has moved otherwise than by an append: by a sync in the background, `sync` or
   * `roll`.
   */
  durable?(lsn: number): void
  /** The log is poisoned. Called once, maybe while no call is under way. */
  failed?(cause: Error): void
}

export interface LogWriter extends AsyncDisposable {
  /** Grows with every `acquire` in the life of the log. */
  readonly epoch: number
  readonly lastLsn: number
  readonly durableLsn: number
  /**
   * Appends a batch behind transaction `expectedLsn`; fenced if that is not the last one. One
   * append at a time, and the payload stays untouched until it has ended. Answers at once when the
   * write was quick enough to be made in the thread.
   */
  append(expectedLsn: number, batch: Batch): AppendOutcome | Promise<AppendOutcome>
  /** Makes everything appended so far durable, whatever the mode. */
  sync(): Promise<AppendOutcome>
  /**
   * Says whether somebody else is about to keep the disk busy. Meanwhile no write is made in the
   * thread, however quick the disk is otherwise.
   */
  shareDisk(isShared: boolean): void
  /**
   * Begins a new segment, so that `truncate` can retire the ones before. Rejects with
   * STORE_POISONED.
   */
  roll(): Promise<void>
  /** Makes everything durable, notes that this was a clean end, and frees the files. */
  close(): Promise<void>
}

export interface TransactionLog {
  /** 32 hex digits: which store this is the log of. */
  readonly storeId: string
  /** First and last LSN held; last = first - 1 when the log is empty. */
  readonly firstLsn: number
  readonly lastLsn: number
  /** Becomes the writer, and ends the one before. */
  acquire(listener?: LogListener): Promise<LogWriter>
  /**
   * Everything from `fromLsn` to what is the last transaction now. Batches may be joined; the first
   * one may begin before `fromLsn`. A payload is valid until the next step. Throws LOG_GAP when
   * `fromLsn` has been truncated.
   */
  read(fromLsn: number): AsyncIterable<Batch>
  /**
   * As `read`, of durable transactions after `afterLsn`; then waits for more, until `signal` ends
   * it.
   */
  follow(afterLsn: number, signal: AbortSignal): AsyncIterable<Batch>
  /**
   * Removes whole segments of which all LSNs are below `beforeLsn`. Returns the names of their
   * files, oldest first.
   */
  truncate(beforeLsn: number): Promise<string[]>
}
