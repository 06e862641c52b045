// Completes package-lock.json with the packages of other platforms that this machine's registry
// does not hold.
//
// npm 11.16 and later leave an optional package out of the lock when the registry answers 404 for
// it, and then refuse, in `npm ci`, the lock that they have just written (npm/cli issue 9846). A
// mirror of the registry often holds no binaries for other platforms than its own, so a dependency
// added behind one breaks every clean clone.
//
// Each of these packages is named with its exact version by the package that wants it, and says its
// platform in its own name, so an entry can be written without asking anyone. It carries no
// integrity: npm adds that when a machine of that platform installs it. Run it after every `npm
// install` that changed the lock:
//
//   npm run lock
//
// It adds what is missing, changes nothing else, and says what it added.

import { readFileSync, writeFileSync } from 'node:fs'

interface LockEntry {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const OS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const CPU = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64']

/** For a package whose name says its platform, as in `@oxlint/binding-linux-arm64-musl`. */
function entryOf(name: string, version: string, dev: boolean): LockEntry | undefined {
  const words = name.split(/[/-]/)
  const os = words.find((word) => OS.includes(word))
  const cpu = words.find((word) => CPU.includes(word))
  if (os === undefined || cpu === undefined || !/^\d/.test(version)) return undefined
  const libc = words.some((word) => word.startsWith('musl'))
    ? { libc: ['musl'] }
    : words.some((word) => word.startsWith('gnu'))
      ? { libc: ['glibc'] }
      : {}
  return { version, cpu: [cpu], ...(dev ? { dev } : {}), ...libc, optional: true, os: [os] }
}

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, LockEntry> }
const added: string[] = []
for (const [path, wanting] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(wanting.optionalDependencies ?? {})) {
    if (lock.packages[`node_modules/${name}`] !== undefined) continue
    if (lock.packages[`${path}/node_modules/${name}`] !== undefined) continue
    const entry = entryOf(name, version, wanting.dev === true)
    if (entry === undefined) {
      console.error(
        `package-lock.json lacks ${name} ${version}, whose name says no platform: add it by hand.`,
      )
      process.exitCode = 1
      continue
    }
    lock.packages[`node_modules/${name}`] = entry
    added.push(`${name}@${version}`)
  }
}
if (added.length > 0) {
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en')),
  )
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
}
console.log(
  added.length === 0
    ? 'package-lock.json is complete.'
    : `added to package-lock.json: ${added.join(', ')}`,
)
