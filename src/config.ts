// Settings: one table, read by the command line, by --help, by the environment and by
// docs/operations.md.
//
// A row says everything about a setting: its flag, its environment name, what is in force when
// nobody says anything, what it means, what it accepts, and which commands know it. A flag beats
// the environment, the environment beats the default. A default is written as a user would write it
// and parsed like any other value, so what --help prints is what holds. An environment name that is
// empty counts as not set.
//
// Mistakes of the caller (an unknown flag, a bad value, a command that does not exist) leave here
// as one sentence that names the flag, what was given and what is accepted; the exit status is 2.
// Nothing in this file writes, exits, or reads process.env by itself: main.ts hands in and carries
// out.
//
// Invariants
//   (1) The key of a row begins with its flag in camel case and ends with the unit if it has one;
//       its environment name is SHASHIN_ and the flag in capitals.
//   (2) The default of every row parses.

import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { Command, CommanderError, Option } from 'commander'
import { parseDuration, parseSize } from './std/quantity.ts'
import { parseRate } from './std/rate.ts'
import type { Rate } from './std/rate.ts'

export const COMMANDS = [
  'serve',
  'check',
  'inspect',
  'snapshot',
  'restore',
  'export',
  'import',
  'stats',
  'user',
  'demo',
] as const
export type CommandName = (typeof COMMANDS)[number]

/** When to take a snapshot; both undefined: only when asked. */
export interface SnapshotEvery {
  /** Bytes that the log has grown since the last one. */
  readonly growthSize: number | undefined
  /** Milliseconds since the last one, if anything was written. */
  readonly periodMs: number | undefined
}

export interface Setting<T> {
  readonly flag: string
  /** Placeholder of the value in --help. */
  readonly value: string
  readonly environment: string
  /** Written as a user would write it. */
  readonly fallback: string
  readonly meaning: string
  /** Completes the sentence "it takes …". */
  readonly accepts: string
  readonly commands: readonly CommandName[]
  /** Undefined when the text is not accepted. */
  readonly parse: (text: string) => T | undefined
}

export type ConfigErrorCode = 'COMMAND_LINE_INVALID' | 'SETTING_INVALID'

/** A mistake of whoever started the program. The message is one whole sentence; exit with 2. */
export class ConfigError extends Error {
  readonly code: ConfigErrorCode

  constructor(code: ConfigErrorCode, message: string) {
    super(message)
    this.name = 'ConfigError'
    this.code = code
  }
}

/** "256MB", "15m", "256MB,15m" in either order, or "off". */
export function parseSnapshotEvery(text: string): SnapshotEvery | undefined {
  if (text === 'off') return { growthSize: undefined, periodMs: undefined }
  let growthSize: number | undefined
  let periodMs: number | undefined
  for (const part of text.split(',')) {
    const duration = parseDuration(part.trim())
    const size = duration === undefined ? parseSize(part.trim()) : undefined
    if (duration !== undefined && duration >= 1_000 && periodMs === undefined) periodMs = duration
    else if (size !== undefined && size > 0 && growthSize === undefined) growthSize = size
    else return undefined
  }
  return { growthSize, periodMs }
}

function within<T extends number>(
  parse: (text: string) => T | undefined,
  least: number,
  most: number,
): (text: string) => T | undefined {
  return (text) => {
    const value = parse(text)
    return value !== undefined && value >= least && value <= most ? value : undefined
  }
}

function parseCount(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

function parseThreadCount(text: string): number | undefined {
  if (text === 'auto') return Math.max(1, availableParallelism() - 1)
  return within(parseCount, 1, 256)(text)
}

function parseWatchdog(text: string): number | undefined {
  const duration = parseDuration(text)
  return duration === 0 ? 0 : within(parseDuration, 100, 3_600_000)(text)
}

function parseLimit(text: string): Rate | 'off' | undefined {
  return text === 'off' ? 'off' : parseRate(text)
}

/** "127.0.0.1,10.0.0.0/8" as a list; "none" as an empty one. */
export function parseNetworks(text: string): readonly string[] | undefined {
  if (text === 'none') return []
  const networks = text.split(',').map((part) => part.trim())
  return networks.every(isNetwork) ? networks : undefined
}

function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? []
  const family = isIP(address)
  return family !== 0 && (bits === undefined || Number(bits) <= (family === 4 ? 32 : 128))
}

/** The origin of a site, without a path; "none" as ''. */
export function parsePublicUrl(text: string): string | undefined {
  if (text === 'none') return ''
  if (!URL.canParse(text)) return undefined
  const { protocol, origin, href } = new URL(text)
  const isSite = (protocol === 'https:' || protocol === 'http:') && href === `${origin}/`
  return isSite ? origin : undefined
}

/** HTTPS, or a server on this machine; "none" as ''. */
export function parseIssuer(text: string): string | undefined {
  if (text === 'none') return ''
  if (!URL.canParse(text)) return undefined
  const { protocol, hostname, username, search, hash } = new URL(text)
  const isNear = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)
  const isSafe = protocol === 'https:' || (protocol === 'http:' && isNear)
  return isSafe && username + search + hash === '' ? text : undefined
}

/** "none" as ''. Some begin with "-". */
function parseSecret(text: string): string | undefined {
  if (text === 'none') return ''
  return text.length >= 8 && !text.includes('\0') ? text : undefined
}

/** A text, "none" as ''. */
function parseTextOrNone(text: string): string | undefined {
  return text === 'none' ? '' : parseText(text)
}

/** A text that a person would not type for lack of a value, such as the next flag. */
function parseText(text: string): string | undefined {
  return text.trim() === '' || text.startsWith('-') || text.includes('\0') ? undefined : text
}

function parseHost(text: string): string | undefined {
  return /^[a-z0-9:][a-z0-9.:%_-]*$/i.test(text) ? text : undefined
}

function oneOf<const T extends string>(...words: readonly T[]): (text: string) => T | undefined {
  return (text) => words.find((word) => word === text)
}

const WITH_STORE: readonly CommandName[] = COMMANDS.filter((command) => command !== 'inspect')
const WRITING: readonly CommandName[] = ['serve', 'import']
const LIMIT_ACCEPTS = 'a number in a time from 1s to 1d, such as 300/5m, or off'

function setting<T>(row: Setting<T>): Setting<T> {
  return row
}

export const SETTINGS = {
  port: setting({
    flag: '--port',
    value: '<number>',
    environment: 'SHASHIN_PORT',
    fallback: '3000',
    meaning: 'TCP port of the server; 0 takes any free one',
    accepts: 'a whole number from 0 to 65535',
    commands: ['serve'],
    parse: within(parseCount, 0, 65_535),
  }),
  host: setting({
    flag: '--host',
    value: '<address>',
    environment: 'SHASHIN_HOST',
    fallback: '127.0.0.1',
    meaning: 'address to listen on; 0.0.0.0 or :: opens the server to the network',
    accepts: 'an IP address or a host name',
    commands: ['serve'],
    parse: parseHost,
  }),
  data: setting({
    flag: '--data',
    value: '<directory>',
    environment: 'SHASHIN_DATA',
    fallback: 'data',
    meaning: 'directory of the log, the watermark, the lock and the photos',
    accepts: 'the path of a directory',
    commands: WITH_STORE,
    parse: parseText,
  }),
  snapshots: setting({
    flag: '--snapshots',
    value: '<directory>',
    environment: 'SHASHIN_SNAPSHOTS',
    fallback: 'snapshots',
    meaning: 'directory of the snapshots',
    accepts: 'the path of a directory',
    commands: COMMANDS,
    parse: parseText,
  }),
  durability: setting({
    flag: '--durability',
    value: '<mode>',
    environment: 'SHASHIN_DURABILITY',
    fallback: 'sync',
    meaning: 'when a write is acknowledged: sync (on the disk), interval (synced each second), os',
    accepts: 'sync, interval or os',
    commands: WRITING,
    parse: oneOf('sync', 'interval', 'os'),
  }),
  reads: setting({
    flag: '--reads',
    value: '<mode>',
    environment: 'SHASHIN_READS',
    fallback: 'latest',
    meaning: 'what a read may show: latest (at once), durable (only what a crash cannot take back)',
    accepts: 'latest or durable',
    commands: ['serve'],
    parse: oneOf('latest', 'durable'),
  }),
  snapshotEvery: setting({
    flag: '--snapshot-every',
    value: '<size,duration>',
    environment: 'SHASHIN_SNAPSHOT_EVERY',
    fallback: '256MB,15m',
    meaning: 'take a snapshot after that much log or that much time, whichever comes first; or off',
    accepts: 'a size (256MB), a duration of at least 1s (15m), both (256MB,15m), or off',
    commands: WRITING,
    parse: parseSnapshotEvery,
  }),
  snapshotsKept: setting({
    flag: '--snapshots-kept',
    value: '<count>',
    environment: 'SHASHIN_SNAPSHOTS_KEPT',
    fallback: '3',
    meaning: 'snapshots that are kept; older ones are deleted',
    accepts: 'a whole number from 1 to 1000',
    commands: ['serve', 'snapshot', 'import'],
    parse: within(parseCount, 1, 1_000),
  }),
  keepLog: setting({
    flag: '--keep-log',
    value: '<yes|no>',
    environment: 'SHASHIN_KEEP_LOG',
    fallback: 'no',
    meaning: 'keep log segments that no snapshot needs, to restore any LSN or time',
    accepts: 'yes or no',
    commands: ['serve', 'snapshot', 'import'],
    parse: oneOf('yes', 'no'),
  }),
  segmentSize: setting({
    flag: '--segment-size',
    value: '<size>',
    environment: 'SHASHIN_SEGMENT_SIZE',
    fallback: '64MiB',
    meaning: 'size at which the log starts a new segment',
    accepts: 'a size from 1MiB to 1GiB',
    commands: ['serve', 'restore', 'import'],
    parse: within(parseSize, 2 ** 20, 2 ** 30),
  }),
  freeSpaceFloorSize: setting({
    flag: '--free-space-floor',
    value: '<size>',
    environment: 'SHASHIN_FREE_SPACE_FLOOR',
    fallback: '256MB',
    meaning: 'refuse writes, and go on reading, while the disk has less free space than this',
    accepts: 'a size such as 256MB or 1GiB; 0 for no floor',
    commands: WRITING,
    parse: parseSize,
  }),
  httpThreads: setting({
    flag: '--http-threads',
    value: '<count|auto>',
    environment: 'SHASHIN_HTTP_THREADS',
    fallback: 'auto',
    meaning: 'threads that serve HTTP; auto is one less than there are processors, at least one',
    accepts: 'a whole number from 1 to 256, or auto',
    commands: ['serve'],
    parse: parseThreadCount,
  }),
  watch: setting({
    flag: '--watch',
    value: '<path>',
    environment: 'SHASHIN_WATCH',
    fallback: 'off',
    meaning:
      'use new code when it appears there: a source tree, or a link to the release of the day',
    accepts: 'the path of a directory or of a link to one, or off',
    commands: ['serve'],
    parse: parseText,
  }),
  watchdogMs: setting({
    flag: '--watchdog',
    value: '<duration>',
    environment: 'SHASHIN_WATCHDOG',
    fallback: '300ms',
    meaning: 'an HTTP thread that is stuck for so long is replaced; 0s never',
    accepts: 'a duration from 100ms to 1h, or 0s',
    commands: ['serve'],
    parse: parseWatchdog,
  }),
  limitSignUps: setting({
    flag: '--limit-sign-ups',
    value: '<rate>',
    environment: 'SHASHIN_LIMIT_SIGN_UPS',
    fallback: '20/1h',
    meaning: 'new accounts from one address',
    accepts: LIMIT_ACCEPTS,
    commands: ['serve'],
    parse: parseLimit,
  }),
  limitLogIns: setting({
    flag: '--limit-log-ins',
    value: '<rate>',
    environment: 'SHASHIN_LIMIT_LOG_INS',
    fallback: '30/5m',
    meaning: 'passwords tried from one address',
    accepts: LIMIT_ACCEPTS,
    commands: ['serve'],
    parse: parseLimit,
  }),
  limitCodes: setting({
    flag: '--limit-codes',
    value: '<rate>',
    environment: 'SHASHIN_LIMIT_CODES',
    fallback: '10/15m',
    meaning: 'codes of the second factor tried for one account, from wherever',
    accepts: LIMIT_ACCEPTS,
    commands: ['serve'],
    parse: parseLimit,
  }),
  limitWrites: setting({
    flag: '--limit-writes',
    value: '<rate>',
    environment: 'SHASHIN_LIMIT_WRITES',
    fallback: '600/5m',
    meaning: 'changes by one user',
    accepts: LIMIT_ACCEPTS,
    commands: ['serve'],
    parse: parseLimit,
  }),
  limitReads: setting({
    flag: '--limit-reads',
    value: '<rate>',
    environment: 'SHASHIN_LIMIT_READS',
    fallback: '3000/5m',
    meaning: 'other requests of one user, or of one address that says no user',
    accepts: LIMIT_ACCEPTS,
    commands: ['serve'],
    parse: parseLimit,
  }),
  limitUploads: setting({
    flag: '--limit-uploads',
    value: '<rate>',
    environment: 'SHASHIN_LIMIT_UPLOADS',
    fallback: '120/10m',
    meaning: 'photos sent by one user',
    accepts: LIMIT_ACCEPTS,
    commands: ['serve'],
    parse: parseLimit,
  }),
  publicUrl: setting({
    flag: '--public-url',
    value: '<url>',
    environment: 'SHASHIN_PUBLIC_URL',
    fallback: 'none',
    meaning: 'where browsers find this server, behind proxies as well',
    accepts: 'the address of a site, such as https://photos.example.org, or none',
    commands: ['serve'],
    parse: parsePublicUrl,
  }),
  oidcIssuer: setting({
    flag: '--oidc-issuer',
    value: '<url>',
    environment: 'SHASHIN_OIDC_ISSUER',
    fallback: 'none',
    meaning: 'provider of OpenID Connect by which people may log in',
    accepts: 'an https address, http for a provider on this machine, or none',
    commands: ['serve'],
    parse: parseIssuer,
  }),
  oidcClientId: setting({
    flag: '--oidc-client-id',
    value: '<text>',
    environment: 'SHASHIN_OIDC_CLIENT_ID',
    fallback: 'none',
    meaning: 'what the provider calls this server',
    accepts: 'a text, or none',
    commands: ['serve'],
    parse: parseTextOrNone,
  }),
  oidcClientSecret: setting({
    flag: '--oidc-client-secret',
    value: '<text>',
    environment: 'SHASHIN_OIDC_CLIENT_SECRET',
    fallback: 'none',
    meaning: 'what the provider knows this server by; better in the environment than in a flag',
    accepts: 'a text of at least 8 characters, or none',
    commands: ['serve'],
    parse: parseSecret,
  }),
  oidcName: setting({
    flag: '--oidc-name',
    value: '<text>',
    environment: 'SHASHIN_OIDC_NAME',
    fallback: 'OpenID Connect',
    meaning: 'what people know the provider by',
    accepts: 'a text',
    commands: ['serve'],
    parse: parseText,
  }),
  trustedProxies: setting({
    flag: '--trusted-proxies',
    value: '<networks>',
    environment: 'SHASHIN_TRUSTED_PROXIES',
    fallback: 'none',
    meaning: 'proxies that are believed when they say in X-Forwarded-For who asks',
    accepts: 'IP addresses and networks such as 127.0.0.1,10.0.0.0/8, or none',
    commands: ['serve'],
    parse: parseNetworks,
  }),
  metricsPublic: setting({
    flag: '--metrics-public',
    value: '<yes|no>',
    environment: 'SHASHIN_METRICS_PUBLIC',
    fallback: 'no',
    meaning: 'whether anybody may read /metrics; else admins and the operator',
    accepts: 'yes or no',
    commands: ['serve'],
    parse: oneOf('yes', 'no'),
  }),
  logLevel: setting({
    flag: '--log-level',
    value: '<level>',
    environment: 'SHASHIN_LOG_LEVEL',
    fallback: 'info',
    meaning: 'least important line that is logged',
    accepts: 'fatal, error, warn, info, debug, trace or silent',
    commands: ['serve'],
    parse: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
  }),
}

type SettingKey = keyof typeof SETTINGS

/** All settings, parsed. Those that a command does not know have their defaults. */
export type Settings = {
  readonly [K in SettingKey]: NonNullable<ReturnType<(typeof SETTINGS)[K]['parse']>>
}

/** Called wrongly, it neither exits nor writes: it throws what `exitOf` explains. */
export function createProgram(): Command {
  return new Command('shashin')
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(true)
}

/** Adds the settings that `name` knows as options, with help out of the table. */
export function addSettings(command: Command, name: CommandName): Command {
  for (const row of Object.values<Setting<unknown>>(SETTINGS)) {
    if (!row.commands.includes(name)) continue
    const help = `${row.meaning} (default ${row.fallback}, or ${row.environment})`
    command.addOption(new Option(`${row.flag} ${row.value}`, help))
  }
  return command
}

/** Flags, else environment, else defaults. Throws ConfigError at the first bad value. */
export function resolveSettings(
  command: Command,
  name: CommandName,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const given: Readonly<Record<string, unknown>> = command.opts()
  const settings: Record<string, unknown> = {}
  for (const [key, row] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const known = row.commands.includes(name)
    const flagged = known ? given[new Option(row.flag).attributeName()] : undefined
    const surrounding = known ? environment[row.environment] : undefined
    if (typeof flagged === 'string') settings[key] = parse(row, flagged, row.flag)
    else if (surrounding) settings[key] = parse(row, surrounding, row.environment)
    else settings[key] = row.parse(row.fallback)
  }
  demandTogether(settings as Settings)
  return settings as Settings
}

/** Log-in by a provider takes all that it needs, or none of it. Throws ConfigError. */
function demandTogether({ oidcIssuer, oidcClientId, oidcClientSecret, publicUrl }: Settings): void {
  if (oidcIssuer === '') return
  const missing = Object.entries({ oidcClientId, oidcClientSecret, publicUrl })
    .filter(([, value]) => value === '')
    .map(([key]) => SETTINGS[key as SettingKey].flag)
  if (missing.length === 0) return
  const message = `${SETTINGS.oidcIssuer.flag} needs ${missing.join(' and ')}, too.`
  throw new ConfigError('SETTING_INVALID', message)
}

function parse(row: Setting<unknown>, text: string, source: string): unknown {
  const value = row.parse(text)
  if (value !== undefined) return value
  const message = `${source} was given "${text}", but it takes ${row.accepts}.`
  throw new ConfigError('SETTING_INVALID', message)
}

/**
 * How a program that ended by `error` ends: status 0 after --help and --version, 2 and one sentence
 * after a mistake of the caller. Undefined for every other error.
 */
export function exitOf(
  error: unknown,
): { readonly status: 0 | 2; readonly sentence?: string } | undefined {
  if (error instanceof ConfigError) return { status: 2, sentence: error.message }
  if (!(error instanceof CommanderError)) return undefined
  if (error.exitCode === 0) return { status: 0 }
  return error.code === 'commander.help'
    ? { status: 2 } // No command was given; the help has been printed.
    : { status: 2, sentence: usageSentence(error).message }
}

/** Commander's words ("error: unknown option '--prot'\n(Did you mean --port?)") as one sentence. */
function usageSentence(error: CommanderError): ConfigError {
  const [words = '', suggestion] = error.message.replace(/^error: /, '').split('\n')
  const mistake = words.charAt(0).toUpperCase() + words.slice(1)
  const row = Object.values<Setting<unknown>>(SETTINGS).find((each) =>
    mistake.startsWith(`Option '${each.flag} `),
  )
  const excess = /^(Too many arguments.*)\. Expected (\d+) .* but got (\d+): (.*)\.$/.exec(mistake)
  let sentence: string
  if (row !== undefined) sentence = `${mistake}: it takes ${row.accepts}.`
  else if (excess) sentence = `${excess[1]}: it takes ${excess[2]}, but was given "${excess[4]}".`
  else if (suggestion === undefined) sentence = `${mistake}: --help lists what is accepted.`
  else
    sentence = `${mistake}: ${suggestion.replace(/^\(Did you mean (.*)\?\)$/, 'did you mean $1?')}`
  return new ConfigError('COMMAND_LINE_INVALID', sentence)
}
