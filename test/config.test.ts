// Settings: where a value comes from, which values are refused and in which words, and that the
// table, the help and docs/operations.md say the same.

import { availableParallelism } from 'node:os'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  addSettings,
  COMMANDS,
  ConfigError,
  createProgram,
  exitOf,
  parseNetworks,
  parsePublicUrl,
  parseSnapshotEvery,
  resolveSettings,
  SETTINGS,
} from '../src/config.ts'
import type { CommandName, Setting, Settings } from '../src/config.ts'
import { tableOf } from './support/markdown.ts'

const ROWS = Object.entries<Setting<unknown>>(SETTINGS)

function settingsOf(
  name: CommandName,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Settings {
  let settings: Settings | undefined
  const program = createProgram()
  for (const each of COMMANDS) {
    const command = addSettings(program.command(each), each)
    command.action(() => {
      settings = resolveSettings(command, each, environment)
    })
  }
  program.parse([name, ...args], { from: 'user' })
  if (settings === undefined) throw new Error('no command ran')
  return settings
}

/** What a caller who makes a mistake is told. */
function refusalOf(
  name: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): unknown {
  try {
    settingsOf(name as CommandName, args, environment)
  } catch (error) {
    return exitOf(error)
  }
  return undefined
}

describe('where a value comes from', () => {
  test('defaults hold when nobody says anything', () => {
    expect(settingsOf('serve', [])).toEqual({
      port: 3000,
      host: '127.0.0.1',
      data: 'data',
      snapshots: 'snapshots',
      durability: 'sync',
      reads: 'latest',
      snapshotEvery: { growthSize: 256e6, periodMs: 900_000 },
      snapshotsKept: 3,
      keepLog: 'no',
      segmentSize: 67_108_864,
      freeSpaceFloorSize: 256e6,
      httpThreads: Math.max(1, availableParallelism() - 1),
      watch: 'off',
      watchdogMs: 300,
      limitSignUps: { count: 20, periodMs: 3_600_000 },
      limitLogIns: { count: 30, periodMs: 300_000 },
      limitCodes: { count: 10, periodMs: 900_000 },
      limitWrites: { count: 600, periodMs: 300_000 },
      limitReads: { count: 3000, periodMs: 300_000 },
      limitUploads: { count: 120, periodMs: 600_000 },
      publicUrl: '',
      oidcIssuer: '',
      oidcClientId: '',
      oidcClientSecret: '',
      oidcName: 'OpenID Connect',
      trustedProxies: [],
      metricsPublic: 'no',
      logLevel: 'info',
    })
  })

  test('a flag beats the environment, which beats the default', () => {
    expect(settingsOf('serve', [], { SHASHIN_PORT: '4000' }).port).toBe(4000)
    expect(settingsOf('serve', ['--port', '5000'], { SHASHIN_PORT: '4000' }).port).toBe(5000)
    expect(settingsOf('serve', ['--port=5000'], { SHASHIN_PORT: 'bad' }).port).toBe(5000)
    expect(settingsOf('serve', [], { SHASHIN_PORT: '' }).port).toBe(3000)
  })

  test('the environment of a setting that the command does not know is not looked at', () => {
    expect(
      settingsOf('check', [], { SHASHIN_PORT: 'bad', SHASHIN_DATA: 'elsewhere' }),
    ).toMatchObject({
      port: 3000,
      data: 'elsewhere',
    })
  })
})

describe('log-in by a provider', () => {
  const all = {
    '--oidc-issuer': 'https://id.example.org/realms/all',
    '--oidc-client-id': 'shashin',
    '--oidc-client-secret': '-a secret-',
    '--public-url': 'https://photos.example.org',
  }
  const flagsBut = (...without: readonly string[]): string[] =>
    Object.entries(all).flatMap(([flag, value]) =>
      without.includes(flag) ? [] : [`${flag}=${value}`],
    )

  test('takes all that it needs', () => {
    expect(settingsOf('serve', flagsBut())).toMatchObject({
      oidcIssuer: 'https://id.example.org/realms/all',
      oidcClientId: 'shashin',
      oidcClientSecret: '-a secret-',
      oidcName: 'OpenID Connect',
    })
  })

  test('or none of it', () => {
    expect(refusalOf('serve', flagsBut('--public-url'))).toEqual({
      status: 2,
      sentence: '--oidc-issuer needs --public-url, too.',
    })
    expect(refusalOf('serve', flagsBut('--oidc-client-id', '--oidc-client-secret'))).toEqual({
      status: 2,
      sentence: '--oidc-issuer needs --oidc-client-id and --oidc-client-secret, too.',
    })
    expect(settingsOf('serve', flagsBut('--oidc-issuer')).oidcIssuer).toBe('')
  })

  test('is safe on its way, or stays on this machine', () => {
    for (const good of ['https://a.org', 'http://localhost:1', 'http://127.0.0.1/x', 'none']) {
      expect(SETTINGS.oidcIssuer.parse(good), good).toBe(good === 'none' ? '' : good)
    }
    for (const bad of [
      'http://a.org',
      'ftp://localhost',
      'a.org',
      '',
      'https://a.org?b',
      'https://a@b.org',
    ]) {
      expect(SETTINGS.oidcIssuer.parse(bad), bad).toBeUndefined()
    }
  })
})

describe('a mistake of the caller is one sentence and status 2', () => {
  test.each([
    [
      'serve',
      ['--port', '70000'],
      '--port was given "70000", but it takes a whole number from 0 to 65535.',
    ],
    [
      'serve',
      ['--port', '-1'],
      '--port was given "-1", but it takes a whole number from 0 to 65535.',
    ],
    [
      'serve',
      ['--data', '--port'],
      '--data was given "--port", but it takes the path of a directory.',
    ],
    [
      'serve',
      ['--port'],
      "Option '--port <number>' argument missing: it takes a whole number from 0 to 65535.",
    ],
    ['serve', ['--prot', '1'], "Unknown option '--prot': did you mean --port?"],
    ['serve', ['--zzz'], "Unknown option '--zzz': --help lists what is accepted."],
    ['check', ['--port', '1'], "Unknown option '--port': --help lists what is accepted."],
    ['sevre', [], "Unknown command 'sevre': did you mean serve?"],
    ['serve', ['now'], 'Too many arguments for \'serve\': it takes 0, but was given "now".'],
    [
      'serve',
      ['--durability', 'SYNC'],
      '--durability was given "SYNC", but it takes sync, interval or os.',
    ],
  ])('%s %j', (name, args, sentence) => {
    expect(refusalOf(name, args)).toEqual({ status: 2, sentence })
  })

  test('a bad value out of the environment names the environment', () => {
    expect(refusalOf('serve', [], { SHASHIN_READS: 'soon' })).toEqual({
      status: 2,
      sentence: 'SHASHIN_READS was given "soon", but it takes latest or durable.',
    })
  })

  test('every setting refuses nonsense', () => {
    for (const [, row] of ROWS) {
      for (const command of row.commands) {
        expect(refusalOf(command, [row.flag, '-?'])).toMatchObject({ status: 2 })
        expect(refusalOf(command, [row.flag, ''])).toMatchObject({ status: 2 })
      }
    }
  })

  test('other errors are left to others', () => {
    expect(exitOf(new Error('disk'))).toBeUndefined()
    expect(exitOf(new ConfigError('SETTING_INVALID', 'No.'))).toEqual({
      status: 2,
      sentence: 'No.',
    })
  })
})

describe('values', () => {
  test('snapshots are taken by log growth, by time, by both or not at all', () => {
    expect(parseSnapshotEvery('off')).toEqual({ growthSize: undefined, periodMs: undefined })
    expect(parseSnapshotEvery('64MiB')).toEqual({ growthSize: 2 ** 26, periodMs: undefined })
    expect(parseSnapshotEvery('1h')).toEqual({ growthSize: undefined, periodMs: 3_600_000 })
    expect(parseSnapshotEvery('1h, 1GB')).toEqual({ growthSize: 1e9, periodMs: 3_600_000 })
    for (const bad of [
      '',
      ',',
      '1h,2h',
      '1MB,2MB',
      '1MB,1h,1h',
      '0',
      '0s',
      '10ms',
      'on',
      'off,1h',
    ]) {
      expect(parseSnapshotEvery(bad), bad).toBeUndefined()
    }
  })
})

describe('proxies', () => {
  test('are addresses and networks, or none', () => {
    expect(parseNetworks('none')).toEqual([])
    expect(parseNetworks('127.0.0.1, 10.0.0.0/8,fd00::/8,::1')).toEqual([
      '127.0.0.1',
      '10.0.0.0/8',
      'fd00::/8',
      '::1',
    ])
    for (const bad of ['', 'proxy', '10.0.0.0/33', '::/129', '10.0.0', '10.0.0.1,', '1.2.3.4/']) {
      expect(parseNetworks(bad), bad).toBeUndefined()
    }
  })

  test('the public URL is a site, without anything behind it', () => {
    expect(parsePublicUrl('none')).toBe('')
    expect(parsePublicUrl('https://photos.example.org/')).toBe('https://photos.example.org')
    expect(parsePublicUrl('http://127.0.0.1:3000')).toBe('http://127.0.0.1:3000')
    for (const bad of ['', 'photos', 'ftp://x', 'https://x/path', 'https://a:b@x', 'https://x?y']) {
      expect(parsePublicUrl(bad), bad).toBeUndefined()
    }
  })
})

describe('the table', () => {
  test('(1) key, flag and environment name belong together', () => {
    for (const [key, row] of ROWS) {
      const words = row.flag.slice(2).split('-')
      const camel = words.map((word, at) =>
        at === 0 ? word : word[0]!.toUpperCase() + word.slice(1),
      )
      expect(key.startsWith(camel.join('')), key).toBe(true)
      expect(row.environment).toBe(`SHASHIN_${words.join('_').toUpperCase()}`)
    }
  })

  test('(2) every default is a value', () => {
    for (const [key, row] of ROWS) expect(row.parse(row.fallback), key).toBeDefined()
  })

  test('--help shows flag, meaning, default and environment name', () => {
    const help = addSettings(createProgram(), 'serve').helpInformation().replaceAll(/\s+/g, ' ')
    for (const [, row] of ROWS) {
      expect(help).toContain(`${row.flag} ${row.value}`)
      expect(help).toContain(`${row.meaning} (default ${row.fallback}, or ${row.environment})`)
    }
  })

  test('docs/operations.md lists the same settings', () => {
    const operations = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8')
    const told = tableOf(operations, 'Settings').map((cells) => cells.slice(0, 4))
    expect(told).toEqual(
      ROWS.map(([, row]) => [row.flag, row.environment, row.fallback, row.meaning]),
    )
  })
})
