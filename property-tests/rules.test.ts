/**
 * The checks can fail: each import rule of .dependency-cruiser.js and each rule of .oxlintrc.json meets a planted violation.
 *
 * violations/imports and violations/lint mirror the project's layout. A planted file's first line says what must fire on
 * it, and nothing else may: `// violates: RULE [NAME]`, or `nothing` for what must stay allowed. Each tree is copied to a
 * temp folder together with the project's own, unchanged configuration, and the real tool runs over it once.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What fired on a file, by the file's path in the mirror. */
type Fired = ReadonlyMap<string, ReadonlySet<string>>
type Planted = { readonly file: string; readonly rule: string; readonly name: string | null }

describe.each([
  {
    tree: 'imports',
    tool: 'dependency-cruiser/bin/dependency-cruise.mjs',
    config: '.dependency-cruiser.js',
    args: [
      '--config',
      '.dependency-cruiser.js',
      '-T',
      'json',
      'crdt',
      'transports',
      'snapshots',
      'src',
      'property-tests',
      'deploy',
    ],
    read: readCruise,
  },
  { tree: 'lint', tool: 'oxlint/bin/oxlint', config: '.oxlintrc.json', args: ['-f', 'json', '.'], read: readLint },
])('$config', ({ tree, tool, config, args, read }) => {
  const planted = readPlanted(join(root, 'property-tests/violations', tree))
  let mirror = ''
  let fired: Fired = new Map()

  beforeAll(async () => {
    mirror = makeMirror(tree, config)
    fired = read(await output(mirror, join(root, 'node_modules', tool), args))
  })
  afterAll(() => rmSync(mirror, { recursive: true, force: true }))

  it.each(planted)('$file: $rule', ({ file, rule, name }) => {
    const expected = rule === 'nothing' ? [] : [name === null ? rule : `${rule} ${name}`]
    const actual = [...(fired.get(file) ?? [])].map((entry) => (name === null ? entry.split(' ')[0] : entry))
    expect([...new Set(actual)]).toEqual(expected)
  })

  it('has a planted violation of every rule that the configuration names', async () => {
    const seen = new Set(planted.map(({ rule, name }) => (name === null ? rule : `${rule} ${name}`)))
    const rules = tree === 'imports' ? await cruiseRules() : lintRules()
    expect(rules.length).toBeGreaterThan(10)
    expect(rules.filter((rule) => !seen.has(rule))).toEqual([])
  })
})

function readPlanted(folder: string): readonly Planted[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const [, rule, name] = /^\/\/ violates: (\S+)(?: (\S+))?\n/.exec(readFileSync(path, 'utf8')) ?? []
      if (rule === undefined) throw new Error(`${path}: the first line must be // violates: RULE [NAME]`)
      return { file: relative(folder, path).split(sep).join('/'), rule, name: name ?? null }
    })
}

/** The planted tree as if it were the project: the configuration lies at its root, packages are the project's own. */
function makeMirror(tree: string, config: string): string {
  const mirror = mkdtempSync(join(tmpdir(), 'mnemesh-rules-'))
  cpSync(join(root, 'property-tests/violations', tree), mirror, { recursive: true })
  for (const file of [config, 'tsconfig.json', 'package.json']) cpSync(join(root, file), join(mirror, file))
  cpSync(join(root, '.ci/lint'), join(mirror, '.ci/lint'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(mirror, 'node_modules'), 'dir')
  return mirror
}

/** The tool's standard output. Its exit status says nothing here: violations are what it is run for. */
function output(cwd: string, script: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [script, ...args],
      { cwd, maxBuffer: 64 * 1024 * 1024, timeout: 50_000 },
      (error, stdout, stderr) => {
        if (stdout !== '') resolve(stdout)
        else reject(new Error(`${script} printed no report: ${stderr || (error?.message ?? 'exit status 0')}`))
      },
    )
  })
}

type CruiseReport = {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[]
  }
}

function readCruise(stdout: string): Fired {
  const report = JSON.parse(stdout) as CruiseReport
  return collect(report.summary.violations.map(({ from, rule }) => [from, rule.name]))
}

type LintReport = {
  readonly diagnostics: readonly { readonly filename: string; readonly code: string; readonly message: string }[]
}

/** Bans are told apart by what they ban: the first quoted words of the message. */
function readLint(stdout: string): Fired {
  const report = JSON.parse(stdout) as LintReport
  return collect(
    report.diagnostics.map(({ filename, code, message }) => [
      filename,
      `${code} ${/'([^']+)'/.exec(message)?.[1] ?? ''}`,
    ]),
  )
}

function collect(pairs: readonly (readonly [file: string, rule: string])[]): Fired {
  const fired = new Map<string, Set<string>>()
  for (const [file, rule] of pairs) fired.set(file, (fired.get(file) ?? new Set()).add(rule))
  return fired
}

async function cruiseRules(): Promise<readonly string[]> {
  const url = new URL('../.dependency-cruiser.js', import.meta.url).href
  const config = (await import(/* @vite-ignore */ url)) as {
    readonly default: { readonly forbidden: readonly { readonly name: string }[] }
  }
  return config.default.forbidden.map(({ name }) => name)
}

type LintRules = Readonly<Record<string, unknown>>
type LintConfig = { readonly rules: LintRules; readonly overrides: readonly { readonly rules: LintRules }[] }

/** `plugin/rule` as the tool reports it, `plugin(rule)`; a ban once for each name that it bans. */
function lintRules(): readonly string[] {
  const text = readFileSync(join(root, '.oxlintrc.json'), 'utf8').replace(/^\s*\/\/.*$/gm, '')
  const config = JSON.parse(text) as LintConfig
  return [config.rules, ...config.overrides.map((override) => override.rules)].flatMap((rules) =>
    Object.entries(rules).flatMap(([key, setting]) => {
      if (setting === 'off') return []
      const code = key.replace(/^(\w+)\/(.+)$/, '$1($2)')
      const bans = Array.isArray(setting)
        ? setting
            .slice(1)
            .map(banned)
            .filter((name) => name !== null)
        : []
      return bans.length === 0 ? [code] : bans.map((name) => `${code} ${name}`)
    }),
  )
}

type Ban = { readonly name?: string; readonly object?: string; readonly property?: string }

function banned(option: Ban): string | null {
  return option.object === undefined ? (option.name ?? null) : `${option.object}.${option.property}`
}
