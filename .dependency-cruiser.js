/**
 * Who may import whom: ARCHITECTURE.md's layer table as rules that are checked (`npm test`, step "import rules").
 *
 * Each layer lists everything that its files may import; whatever it does not list is refused, type imports too, so that
 * a new package or folder has no way in by default. Rule `<name>-layer` belongs to the layer of that name. Tests stand
 * outside the table (they need a test runner, real sockets, folders) and have one rule: never upwards.
 * Each rule has a planted violation in property-tests/violations/imports/, and a test that sees it fire.
 */
import { builtinModules } from 'node:module'

const TEST = String.raw`(\.test|(^|/)contract|(^|[/.-])test-support|(^|/)testing/[^/]+)\.ts$`
const NODE = `^(node:)?(${builtinModules.map((name) => name.replaceAll('/', '[/]')).join('|')})$`
const node = (/** @type {string} */ name) => `^(node:)?${name}$`
const npm = (/** @type {string[]} */ ...names) => names.map((name) => `(^|/)node_modules/(@types/)?${name}/`)

const PORTS = '^src/(ports/[a-z]+|api|errors|turns|worker-flags)\\.ts$'
const DOORS = '^src/(http|cli|mcp|console)/'
const DOOR_FACTS = ['^src/(api|errors|turns|ports/[a-z]+|node)\\.ts$', '^crdt/(ids|limits)\\.ts$']

/**
 * `files`: whose imports the layer governs; a file belongs to the first layer that matches it.
 * `imports`: all it may import, as patterns on resolved paths. `mend`: what to do about a violation.
 */
const layers = [
  {
    name: 'crdt-hash',
    files: '^crdt/hash\\.ts$',
    imports: ['^crdt/', node('crypto')],
    mend: 'SHA-256 is all that hash.ts takes from outside the core',
  },
  {
    name: 'crdt',
    files: '^crdt/',
    imports: ['^crdt/', ...npm('@automerge/automerge', 'libsodium-wrappers', 'sodium-native', 'msgpackr')],
    mend: 'the core is pure: take what it needs of the outside as an argument',
  },
  {
    name: 'transports-websocket',
    files: '^transports/websocket\\.ts$',
    imports: ['^(crdt|transports)/', NODE, ...npm('ws')],
    mend: 'the socket driver knows frames and sockets, nothing of the replica',
  },
  {
    name: 'transports',
    files: '^transports/',
    imports: ['^(crdt|transports)/'],
    mend: 'the protocol does no I/O: go through a port of host.ts, or put the socket part into websocket.ts',
  },
  {
    name: 'snapshots-files',
    files: '^snapshots/files\\.ts$',
    imports: ['^(crdt|snapshots)/', node('(fs|fs/promises|path)')],
    mend: 'the file driver takes bytes and a folder',
  },
  {
    name: 'snapshots-bucket',
    files: '^snapshots/bucket\\.ts$',
    imports: ['^(crdt|snapshots)/', ...npm('@aws-sdk/client-s3')],
    mend: 'the bucket driver takes bytes and an address',
  },
  {
    name: 'snapshots',
    files: '^snapshots/',
    imports: ['^(crdt|snapshots)/'],
    mend: 'snapshots are bytes: reading and writing belongs into snapshots/files.ts and snapshots/bucket.ts',
  },
  { name: 'ports', files: PORTS, imports: ['^crdt/', PORTS], mend: 'a port names what is needed, not who gives it' },
  {
    name: 'replica',
    files: '^src/replica/',
    imports: ['^src/replica/', '^(crdt|snapshots)/', '^transports/(?!websocket|memory)', PORTS, ...npm('lru-cache')],
    mend: 'the replica decides, drivers act: go through src/ports/',
  },
  {
    name: 'store',
    files: '^src/store/',
    imports: ['^src/store/', '^crdt/', PORTS, NODE, ...npm('classic-level')],
    mend: 'the store keeps bytes behind its port',
  },
  {
    name: 'projection',
    files: '^src/projection/',
    imports: [
      '^src/projection/',
      '^crdt/',
      PORTS,
      NODE,
      ...npm(
        'pg',
        'pg-protocol',
        '@electric-sql/pglite',
        '@electric-sql/pglite-pgvector',
        '@electric-sql/pglite-age',
        'eld',
      ),
    ],
    mend: 'the projection takes rows behind its port',
  },
  {
    name: 'embedding',
    files: '^src/embedding/',
    imports: ['^src/embedding/', '^crdt/', PORTS, NODE, ...npm('lru-cache')],
    mend: 'an embedder takes text behind its port',
  },
  {
    name: 'live',
    files: '^src/live/',
    imports: ['^src/live/', '^crdt/', PORTS, NODE, ...npm('ws', '@automerge/automerge', 'bs58check', 'cbor-x')],
    mend: 'the live door reads documents behind its port',
  },
  {
    name: 'membership',
    files: '^src/membership/',
    imports: [
      '^src/(membership|store)/',
      '^src/replica/(branch-facts|control-places|control-seen|kept-statements|level-told)\\.ts$',
      '^crdt/',
      PORTS,
      NODE,
    ],
    mend: 'membership needs the control log and a folder, nothing that runs',
  },
  {
    name: 'input',
    files: '^src/input/',
    imports: ['^src/input/', '^src/errors\\.ts$', '^crdt/(ids|limits)\\.ts$', node('crypto'), ...npm('fastify')],
    mend: 'what any door takes knows no door',
  },
  {
    name: 'sdk',
    files: '^src/sdk/',
    imports: ['^src/sdk/', '^src/(api|ports/[a-z]+)\\.ts$', '^crdt/(ids|limits)\\.ts$', NODE],
    mend: 'a client knows the wire, nothing of the server: of src/api.ts it takes types alone',
  },
  {
    name: 'user-peer',
    files: '^src/user-peer/',
    imports: [
      '^src/user-peer/',
      '^src/membership/(index|folder|make-folder|prove)\\.ts$',
      '^src/store/process-lock\\.ts$',
      PORTS,
      NODE,
    ],
    mend: 'it makes a folder, starts a process and finds it again; what runs in it is not its business',
  },
  {
    name: 'setup',
    files: '^src/setup/',
    imports: [
      '^src/setup/',
      '^src/membership/make-folder\\.ts$',
      PORTS,
      NODE,
      ...npm('jsonc-parser', 'smol-toml', 'diff'),
    ],
    mend: 'it changes files of other programs; peers and doors are not its business',
  },
  {
    name: 'hooks',
    files: '^src/hooks/',
    imports: [
      '^src/hooks/',
      '^src/errors\\.ts$',
      NODE,
      ...npm('@secretlint/core', '@secretlint/secretlint-rule-preset-recommend'),
    ],
    mend: 'it reads a conversation and asks a peer through a function; how a peer is found is not its business',
  },
  {
    name: 'mirror',
    files: '^src/mirror/',
    imports: ['^src/mirror/', '^src/input/(entity|memory-file)\\.ts$', '^src/sdk/', NODE, ...npm('diff')],
    mend: 'it keeps a folder and a peer in step through the HTTP API alone; how a peer is found is not its business',
  },
  {
    name: 'service',
    files: '^src/service/',
    imports: [
      '^src/(service|replica)/',
      '^src/projection/(list-cursor|column-text|graph-node|rank-past|tokens)\\.ts$',
      '^src/membership/(folder|raise-level|statements)\\.ts$',
      '^crdt/',
      '^transports/host\\.ts$',
      PORTS,
      ...npm('prom-client', 'diff'),
    ],
    mend: 'a service asks the replica and the ports; drivers come in as arguments',
  },
  {
    name: 'peer',
    files: '^src/peer\\.ts$',
    imports: [
      '^(crdt|snapshots)/',
      '^transports/(?!websocket|memory)',
      '^src/(replica|service)/',
      '^src/membership/folder\\.ts$',
      '^src/projection/feed\\.ts$',
      PORTS,
    ],
    mend: 'a peer is put together from drivers that are arguments: production gives them in src/node.ts, tests in src/testing',
  },
  {
    name: 'log',
    files: '^src/log/',
    imports: ['^src/log/', PORTS, node('fs'), ...npm('pino')],
    mend: 'the log writes lines; what is worth one is known to who reports it',
  },
  {
    name: 'v8',
    files: '^src/v8\\.ts$',
    imports: [node('v8')],
    mend: 'it is imported before everything else, so it imports nothing that runs',
  },
  {
    name: 'version',
    files: '^src/version\\.ts$',
    imports: [node('fs')],
    mend: 'the version is read from package.json and known to nobody else',
  },
  {
    name: 'http',
    files: '^src/http/',
    imports: [
      '^src/(http|input)/',
      ...DOOR_FACTS,
      NODE,
      ...npm('fastify', '@fastify/ajv-compiler', '@fastify/swagger', 'pino'),
    ],
    mend: 'a door parses, asks the Node of src/api.ts, answers',
  },
  {
    name: 'mcp',
    files: '^src/mcp/',
    imports: [
      '^src/(mcp|input)/',
      '^crdt/proof\\.ts$',
      ...DOOR_FACTS,
      NODE,
      ...npm('@modelcontextprotocol/server', '@fastify/ajv-compiler'),
    ],
    mend: 'a door parses, asks the Node of src/api.ts, answers; a proof is checked as a stranger would',
  },
  {
    name: 'console',
    files: '^src/console/',
    imports: ['^src/console/', ...DOOR_FACTS, NODE],
    mend: 'a door parses, asks the Node of src/api.ts, answers',
  },
  {
    name: 'cli',
    files: '^src/cli/',
    imports: [
      '^src/(cli|input)/',
      '^src/sdk/',
      '^src/user-peer/(index|folder)\\.ts$',
      '^src/setup/(index|clients)\\.ts$',
      '^src/hooks/index\\.ts$',
      '^src/mirror/',
      '^src/store/process-lock\\.ts$',
      '^src/membership/(index|quote|recovery-plan)\\.ts$',
      '^src/node/addresses\\.ts$',
      '^src/log/',
      '^src/node/((verify|rebuild|join)-folder|verify-proof|backup|backup-read|restore|migrate)\\.ts$',
      '^src/v8\\.ts$',
      ...DOOR_FACTS,
      NODE,
      ...npm(
        'commander',
        'cli-progress',
        'picocolors',
        'yaml',
        'mdast',
        'mdast-util-from-markdown',
        'pino',
        'chardet',
        'iconv-lite',
        'ignore',
        'csv-parse',
        'yauzl',
      ),
    ],
    mend: 'a verb goes over HTTP, or asks src/node.ts, what lies beside it for stopped peers, or src/membership/index.ts',
  },
  {
    name: 'composition-root',
    files: '^src/(node\\.ts$|node/)',
    imports: ['^(crdt|transports|snapshots)/', '^src/(?!cli/)', NODE, ...npm('pino', 'prom-client')],
    mend: 'the root wires what is below it; a library belongs to the layer that wraps it',
  },
  {
    name: 'package-entries',
    files: '^src/(index|client)\\.ts$',
    imports: ['^src/(node|errors|version|api)\\.ts$', '^src/membership/index\\.ts$', '^src/(log|sdk)/', node('crypto')],
    mend: 'an entry of the package gives away what is below it, and does nothing else',
  },
  {
    name: 'attacks',
    files: '^property-tests/attacks/',
    imports: ['^property-tests/', '^(crdt|transports)/', '^deploy/local/', NODE, '(^|/)node_modules/'],
    mend: 'an attacker speaks the protocols; the peers that it attacks run as processes, from deploy/local',
  },
  {
    name: 'property-tests',
    files: '^property-tests/',
    // A request's parser reads foreign bytes and knows nothing of its door, so it is fuzzed with the other readers.
    imports: [
      '^property-tests/',
      '^(crdt|transports|snapshots)/',
      '^src/(?!(http|cli|mcp|console|sdk|user-peer)/)',
      '^src/http/json\\.ts$',
      NODE,
      '(^|/)node_modules/',
    ],
    mend: 'properties hold of the core and its drivers; a door is tested beside itself',
  },
  {
    name: 'deploy',
    files: '^deploy/',
    imports: [
      '^deploy/',
      NODE,
      ...npm(
        'pg',
        'commander',
        'cli-progress',
        'picocolors',
        'yaml',
        'vitest',
        'fast-check',
        'publint',
        '@arethetypeswrong/core',
      ),
    ],
    mend: 'deploy meets peers as a stranger would: over the command line and HTTP',
  },
]

const layerRules = layers.map(({ name, files, imports, mend }, at) => ({
  name: `${name}-layer`,
  severity: 'error',
  comment: mend,
  from: { path: files, pathNot: [TEST, ...layers.slice(0, at).map((earlier) => earlier.files)] },
  to: { pathNot: imports, couldNotResolve: false },
}))

/** Folders from the bottom up; a test imports its own level and what is below, and nobody imports property-tests. */
const testRules = [
  { name: 'crdt-tests-look-down', from: '^crdt/', above: '^(transports|snapshots|src|deploy)/' },
  { name: 'transports-tests-look-down', from: '^(transports|snapshots)/', above: '^(src|deploy)/' },
  {
    name: 'driver-tests-look-down',
    from: '^src/(?!(http|cli|mcp|console|node)/)[^/]+/',
    above: `^(src/node[./]|deploy/)|${DOORS}`,
  },
].map(({ name, from, above }) => ({
  name,
  severity: 'error',
  comment: 'a test needs its own layer and those below; a wider one belongs beside the layer that it tests',
  from: { path: `${from}.*${TEST}` },
  to: { path: above },
}))

export default {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'move what both need into a third file: a cycle, of types too, cannot be read from the top',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'nothing reaches this file: use it, delete it, or name it here as an entry point',
      from: {
        orphan: true,
        pathNot: [
          String.raw`\.d\.ts$`,
          String.raw`\.test\.ts$`,
          String.raw`^[^/]+\.config\.ts$`,
          '^src/(index|client)\\.ts$',
          '^src/cli/main\\.ts$',
          '^src/projection/worker\\.ts$',
          '^src/embedding/transformers-worker\\.ts$',
          '^deploy/',
        ],
      },
      to: {},
    },
    {
      name: 'not-resolvable',
      severity: 'error',
      comment: 'the file or package is not there',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-unlisted-package',
      severity: 'error',
      comment: 'add the package to package.json: what another package happens to bring may be gone tomorrow',
      from: {},
      // A peer dependency is listed, though the tool calls it both.
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer'] },
    },
    {
      name: 'no-tests-in-product',
      severity: 'error',
      comment: 'tests import the product, never the reverse',
      from: { pathNot: [TEST, '^property-tests/'] },
      to: { path: TEST },
    },
    {
      name: 'property-tests-are-a-leaf',
      severity: 'error',
      comment:
        'nothing imports property-tests, other tests neither: what they share belongs into the layer it is about',
      from: { pathNot: '^property-tests/' },
      to: { path: '^property-tests/' },
    },
    {
      name: 'doors-take-types-of-ports',
      severity: 'error',
      comment: 'a door may speak of rows (import type), never hold a driver',
      from: { path: DOORS, pathNot: TEST },
      to: { path: '^src/ports/[a-z]+\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'sdk-takes-types-of-the-server',
      severity: 'error',
      comment: 'a client is told what answers look like (import type), it runs nothing of the server',
      from: { path: '^src/sdk/', pathNot: TEST },
      to: { path: '^src/(api|ports/[a-z]+)\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'every-file-has-a-layer',
      severity: 'error',
      comment: 'give the folder a row in ARCHITECTURE.md and a layer here before it grows',
      from: {
        path: '^(crdt|transports|snapshots|src|property-tests|deploy)/',
        pathNot: [TEST, ...layers.map((layer) => layer.files)],
      },
      to: {},
    },
    ...layerRules,
    ...testRules,
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: '(^|/)node_modules/' },
    exclude: { path: ['^dist/', '^property-tests/violations/'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'node', 'default'] },
  },
}
