/**
 * `.ci/run` on machines that differ in what they have: the real script under bash, every program that it calls a recording
 * stand-in, so nothing is installed and nothing reaches the network.
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

const script = fileURLToPath(new URL('../.ci/run', import.meta.url))
const REAL = ['bash', 'dirname', 'sed', 'chmod', 'cat']

let machine = ''
beforeEach(() => {
  machine = mkdtempSync(join(tmpdir(), 'mnemesh-ci-'))
  mkdirSync(join(machine, 'checkout/.ci'), { recursive: true })
  mkdirSync(join(machine, 'bin'))
  cpSync(script, join(machine, 'checkout/.ci/run'))
  for (const name of REAL)
    symlinkSync(
      ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find(existsSync) ?? name,
      join(machine, 'bin', name),
    )
  program('id', 'echo 0')
  program('git', '')
  program('debootstrap', '')
  tree('')
})
afterEach(() => rmSync(machine, { recursive: true, force: true }))

/** Puts a program on the machine's PATH that notes how it was called, then does `body`. */
function program(name: string, body: string): void {
  const file = join(machine, 'bin', name)
  writeFileSync(file, `#!/usr/bin/env bash\necho "${name} $*" >> ${machine}/calls\n${body}\n`)
  chmodSync(file, 0o755)
}

/** What makes the tests' Postgres server. */
function tree(body: string): void {
  const file = join(machine, 'checkout/.ci/postgres-tree')
  writeFileSync(file, `#!/usr/bin/env bash\necho tree >> ${machine}/tree\n${body}\n`)
  chmodSync(file, 0o755)
}

const node = (version: string) => program('node', `echo ${version}`)
const npm = (body = '') =>
  program('npm', `${body}\n[[ $1 != test ]] || { echo '7 passed, 1 failed'; exit 3; }\necho noise`)
const apt = (offered: string) => {
  program('apt-cache', `echo '  Candidate: ${offered}'`)
  const give = `printf '#!/usr/bin/env bash\\necho v20.19.2\\n' > ${machine}/bin/node; chmod 755 ${machine}/bin/node ${machine}/bin/npm`
  program('apt-get', `[[ $1 != install ]] || { ${give}; }`)
}

function run(env: Readonly<Record<string, string>> = {}): {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  readonly calls: readonly string[]
} {
  const result = spawnSync(join(machine, 'bin/bash'), [join(machine, 'checkout/.ci/run')], {
    encoding: 'utf8',
    env: { PATH: join(machine, 'bin'), ...env },
    timeout: 15_000,
  })
  const calls = existsSync(join(machine, 'calls'))
    ? readFileSync(join(machine, 'calls'), 'utf8').trimEnd().split('\n')
    : []
  return {
    status: result.status,
    stdout: result.stdout,
    stderr: result.stderr,
    calls: calls.filter((call) => !/^(id|node|git|npm --version)\b/.test(call)),
  }
}

it('installs by the lock, then answers as npm test does, with its line last', () => {
  node('v20.19.2')
  npm()
  const { status, stdout, calls } = run()
  expect(calls.map((call) => call.split(' ').slice(0, 2).join(' '))).toEqual(['npm ci', 'npm rebuild', 'npm test'])
  expect({ status, stdout }).toEqual({ status: 3, stdout: '7 passed, 1 failed\n' })
})

it('goes on with npm install, aloud, where npm ci refuses the lock', () => {
  node('v22.1.0')
  npm('[[ $1 != ci ]] || exit 1')
  const { status, stderr, calls } = run()
  expect(calls.map((call) => call.split(' ')[1])).toEqual(['ci', 'install', 'rebuild', 'test'])
  expect(stderr).toContain('npm ci failed')
  expect(status).toBe(3)
})

it('stops where nothing can be installed', () => {
  node('v22.1.0')
  npm('[[ $1 != ci && $1 != install ]] || exit 1')
  const { status, calls } = run()
  expect(calls.some((call) => call.startsWith('npm test'))).toBe(false)
  expect(status).toBe(1)
})

it.each(['v18.20.4', 'v20.18.9', 'v9.99.0', 'nonsense'])(
  'refuses node %s in one line that names the mend',
  (version) => {
    node(version)
    npm()
    const { status, stderr, calls } = run()
    expect(calls).toEqual([])
    expect(stderr).toMatch(/^\.ci\/run: node \S+ is too old: install node 20\.19 or newer.*\n$/)
    expect(status).toBe(1)
  },
)

it('brings node and npm from Debian where that is recent enough', () => {
  apt('20.19.2+dfsg-1')
  npm()
  chmodSync(join(machine, 'bin/npm'), 0o644)
  const { status, calls } = run()
  expect(calls.filter((call) => call.startsWith('apt-get')).map((call) => call.split(' ')[1])).toEqual([
    'update',
    'install',
  ])
  expect(calls.at(-1)).toBe('npm test --silent -- --all')
  expect(status).toBe(3)
})

const postgres = '/usr/share/postgresql'
/** The script looks at the real machine for these two. */
const makesServer =
  existsSync('/etc/apt') &&
  !(
    existsSync(postgres) &&
    readdirSync(postgres).some((version) => existsSync(join(postgres, version, 'extension/age.control')))
  )
it.skipIf(!makesServer)(
  'on a Debian without Apache AGE, has a Postgres server made before the tests, with debootstrap from Debian, and goes on where it cannot be had',
  () => {
    node('v22.1.0')
    npm()
    apt('')
    rmSync(join(machine, 'bin/debootstrap'))
    tree("echo 'no network' >&2; exit 1")
    const { status, stderr, calls } = run()
    expect(calls.filter((call) => call.startsWith('apt-get install')).join()).toContain(' debootstrap ')
    expect(readFileSync(join(machine, 'tree'), 'utf8')).toBe('tree\n')
    expect(stderr).toMatch(/no network\n.*no Postgres server for the tests/)
    expect([calls.at(-1), status]).toEqual(['npm test --silent -- --all', 3])
  },
)

it('has none made where one is named, or where nobody may make it', () => {
  node('v22.1.0')
  npm()
  expect(run({ TEST_DATABASE_URL: 'postgres://db' }).status).toBe(3)
  program('id', 'echo 1000')
  expect(run().status).toBe(3)
  expect(existsSync(join(machine, 'tree'))).toBe(false)
})

it.each(['18.19.0+dfsg-6', '(none)'])('does not install nodejs %s', (offered) => {
  apt(offered)
  const { status, stderr, calls } = run()
  expect(calls.some((call) => call.startsWith('apt-get install'))).toBe(false)
  expect(stderr).toContain(`this Debian offers nodejs ${offered}: install node 20.19 or newer`)
  expect(status).toBe(1)
})

it('says what is missing to somebody who may not install it', () => {
  program('id', 'echo 1000')
  apt('20.19.2+dfsg-1')
  const { status, stderr } = run()
  expect(stderr).toBe('.ci/run: node 20.19 or newer is missing: install it, or run this as root\n')
  expect(status).toBe(1)
})
