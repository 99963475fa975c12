/**
 * The official conformance suite of the Model Context Protocol, against a real peer's `/mcp`, in both eras. Every scenario passes but for
 * those named here, each with the reason why it does not apply; one that is named and passes is a fault of this list.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mnemeshOk } from './command.ts'
import { createPeer, type Peer } from './peer.ts'
import { freePorts } from './ports.ts'

const LONG_MS = 120_000
const SUITE_MS_MAX = 90_000
const SUITE = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url),
)
const HOOKS = new URL('conformance-hooks.mjs', import.meta.url).href

/** The suite asks for a tool, prompt or resource of its own sample server (`test_…`, `test://…`), which a memory has no use for. */
const SAMPLE = /\btest_\w+|test:\/\/|json_schema_2020_12_tool|initial InputRequiredResult|Expected InputRequiredResult/
/** An optional capability that is not announced: each request stands alone, so there is nobody to send log lines or changes of a resource to later. */
const NOT_ANNOUNCED = /Method not found/
/** No tool of ours asks for its arguments in headers. */
const NO_HEADERS = /no tool with x-mcp-header annotations/

const ALIKE = {
  'json-schema-2020-12': SAMPLE,
  'prompts-get-embedded-resource': SAMPLE,
  'prompts-get-simple': SAMPLE,
  'prompts-get-with-args': SAMPLE,
  'prompts-get-with-image': SAMPLE,
  'resources-read-binary': SAMPLE,
  'resources-read-text': SAMPLE,
  'resources-templates-read': SAMPLE,
  'tools-call-audio': SAMPLE,
  'tools-call-embedded-resource': SAMPLE,
  'tools-call-error': SAMPLE,
  'tools-call-image': SAMPLE,
  'tools-call-mixed-content': SAMPLE,
  'tools-call-simple-text': SAMPLE,
  'tools-call-with-progress': SAMPLE,
}
const NOT_APPLYING: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  '2025-11-25': {
    ...ALIKE,
    'elicitation-sep1034-defaults': SAMPLE,
    'elicitation-sep1330-enums': SAMPLE,
    'tools-call-elicitation': SAMPLE,
    'tools-call-sampling': SAMPLE,
    'logging-set-level': NOT_ANNOUNCED,
    'tools-call-with-logging': NOT_ANNOUNCED,
    'resources-subscribe': NOT_ANNOUNCED,
    'resources-unsubscribe': NOT_ANNOUNCED,
  },
  '2026-07-28': {
    ...ALIKE,
    'http-custom-header-server-validation': NO_HEADERS,
    // All but the four checks that need a sample tool pass.
    'server-stateless': SAMPLE,
    'input-required-result-basic-elicitation': SAMPLE,
    'input-required-result-basic-list-roots': SAMPLE,
    'input-required-result-basic-sampling': SAMPLE,
    'input-required-result-capability-check': SAMPLE,
    'input-required-result-multi-round': SAMPLE,
    'input-required-result-multiple-input-requests': SAMPLE,
    'input-required-result-non-tool-request': SAMPLE,
    'input-required-result-request-state': SAMPLE,
    'input-required-result-result-type': SAMPLE,
    'input-required-result-tampered-state': SAMPLE,
  },
}

let folder = ''
let peer: Peer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mnemesh-conformance-'))
  const dir = join(folder, 'peer')
  await mnemeshOk(['mesh', 'init', '--data', dir, '--name', 'alone', '--recovery', 'none'])
  peer = createPeer({ name: 'alone', dir, port: await freePorts(1) }, { projection: 'none', quorumTimeoutMs: 5_000 })
  await peer.start()
}, LONG_MS)
afterAll(async () => {
  await peer?.stop()
  await rm(folder, { recursive: true, force: true })
}, LONG_MS)

test('what is not announced is what is refused', async () => {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
  const response = await fetch(`${peer.url}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
  })
  const text = await response.text()
  const { capabilities } = (
    JSON.parse(/\{.*\}/s.exec(text)![0]) as {
      result: { capabilities: { logging?: unknown; tools?: unknown; resources?: { subscribe?: boolean } } }
    }
  ).result
  expect([capabilities.tools !== undefined, capabilities.logging, capabilities.resources?.subscribe ?? false]).toEqual([
    true,
    undefined,
    false,
  ])
})

type Check = { readonly id: string; readonly status: string; readonly errorMessage?: string }
/** Every check of the suite in one era, by scenario. */
const play = async (version: string): Promise<ReadonlyMap<string, readonly Check[]>> => {
  const out = join(folder, version)
  const words = [
    '--import',
    HOOKS,
    SUITE,
    'server',
    '--url',
    `${peer.url}/mcp`,
    '--suite',
    'all',
    '--spec-version',
    version,
    '--output-dir',
    out,
  ]
  // It ends with 1 where a check failed; what it wrote says which.
  await new Promise<void>(
    (resolve) =>
      void execFile(process.execPath, words, { timeout: SUITE_MS_MAX, maxBuffer: 64 * 2 ** 20 }, () => resolve()),
  )
  const checks = new Map<string, readonly Check[]>()
  for (const name of await readdir(out))
    checks.set(
      name.replace(/^server-/, '').replace(/-\d{4}-\d{2}-\d{2}T.*$/, ''),
      JSON.parse(await readFile(join(out, name, 'checks.json'), 'utf8')) as Check[],
    )
  return checks
}

test.each([
  ['2025-11-25', 30],
  ['2026-07-28', 38],
] as const)(
  '%s: every scenario passes, but for those that do not apply',
  async (version, least) => {
    const checks = await play(version)
    expect(checks.size).toBeGreaterThanOrEqual(least)
    const reasons = NOT_APPLYING[version]!
    const failures = [...checks].flatMap(([scenario, all]) =>
      all.flatMap(({ id, status, errorMessage = '' }) =>
        status === 'FAILURE' ? [{ scenario, id, errorMessage }] : [],
      ),
    )
    expect(failures.filter(({ scenario, errorMessage }) => reasons[scenario]?.test(errorMessage) !== true)).toEqual([])
    expect(
      Object.keys(reasons).filter((scenario) => !failures.some((failure) => failure.scenario === scenario)),
    ).toEqual([])
  },
  LONG_MS,
)
