// What commands show a person: a progress bar on a terminal, plain lines elsewhere, and numbers in
// words.
//
// Progress and remarks go to standard error, so that standard output is the command's result and
// can be piped.

import type { RecoveryProgress, RecoverySummary } from '../engine/recovery.ts'

const BAR_COUNT = 24
const LINE_EVERY_MS = 2000

/** 1234567 → "1,234,567". */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** "1 file", "1,234 files". */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`
}

/**
 * With a capital at its beginning, unless it begins with a name or a path, and a full stop at its
 * end, unless it ends with an address.
 */
export function sentence(text: string): string {
  const isWord = /^[a-z]+(?=[\s,:;]|$)/.test(text)
  const capital = isWord ? text.charAt(0).toUpperCase() + text.slice(1) : text
  return /[.!?…]$|https?:\/\/\S+$/.test(capital) ? capital : `${capital}.`
}

/** One sentence for the operator, on standard error. */
export function say(text: string): void {
  process.stderr.write(`${sentence(text)}\n`)
}

/** Bytes as "12.3 MB". */
export function megabytes(size: number): string {
  return `${(size / 1e6).toFixed(size < 1e8 ? 1 : 0)} MB`
}

/**
 * Shows how far long work has come. `end` must be called, so that the terminal's line is free
 * again.
 */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream
  #toldAt: number
  #isShown: boolean

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream
    this.#toldAt = performance.now()
    this.#isShown = false
  }

  /** `done` of `total` in any unit; `text` says the rest. */
  tell(label: string, done: number, total: number, text: string): void {
    const share = total === 0 ? 1 : Math.min(done / total, 1)
    const percent = `${Math.floor(share * 100)}`.padStart(3)
    if (this.#stream.isTTY) {
      const filled = Math.round(share * BAR_COUNT)
      const bar = '█'.repeat(filled) + '░'.repeat(BAR_COUNT - filled)
      this.#stream.write(`\r\u001b[K${label} ${bar} ${percent} %  ${text}`)
      this.#isShown = true
    } else if (performance.now() - this.#toldAt >= LINE_EVERY_MS) {
      this.#toldAt = performance.now()
      this.#stream.write(`${label} ${percent} %  ${text}\n`)
    }
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#isShown) this.#stream.write('\r\u001b[K')
    this.#isShown = false
  }
}

const PHASES = { snapshot: 'snapshot', log: 'log     ', indexes: 'indexes ' } as const

/** Shows recovery: rows, MB, seconds left. */
export function tellRecovery(line: ProgressLine, progress: RecoveryProgress): void {
  const { phase, bytesDone, bytesTotal, rows, secondsLeft } = progress
  const amount = `${megabytes(bytesDone)} of ${megabytes(bytesTotal)}`
  const left = `${Math.ceil(secondsLeft)} s left`
  line.tell(PHASES[phase], bytesDone, bytesTotal, `${amount}, ${grouped(rows)} rows, ${left}`)
}

/** "Recovered 5,000,000 rows in 1.2 s: snapshot 18293, 120 transactions replayed, at lsn 18413." */
export function recoverySentence(summary: RecoverySummary): string {
  const { snapshotLsn, lastLsn, replayed, rows, seconds } = summary
  if (lastLsn === 0) return 'There was no store: a new one is made.'
  const from = snapshotLsn === 0 ? 'no snapshot' : `snapshot ${snapshotLsn}`
  const what = `${counted(rows, 'row')} in ${seconds.toFixed(seconds < 10 ? 2 : 0)} s`
  const tail = counted(replayed, 'transaction')
  return `Recovered ${what}: ${from}, ${tail} replayed, at lsn ${lastLsn}.`
}
