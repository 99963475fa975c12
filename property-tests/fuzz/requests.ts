/** Bodies that the HTTP door takes, one of each shape: what its fuzzers mutate. */
const encoder = new TextEncoder()
const ID = '0000000a-0000-4000-8000-000000000001'

export const MEMORY = {
  content: 'The deploy key rotates on Fridays: ask first. é \ud83d\ude00',
  namespace: 'team/api',
  title: 'Deploy key',
  kind: 'fact',
  tier: 'mid',
  tags: ['deploy', 'key'],
  priority: 5,
  confidence: 0.5,
  source: 'chat',
  scope: 'team',
  run_id: 'r1',
  occurred_at: '2026-01-01T00:00:00.000Z',
  expires_at: '2036-01-01T00:00:00.000Z',
  metadata: { a: [1, 2.5, { b: null }], c: 'd' },
}

/** Method and path under /api/v1, and a body. */
export const REQUESTS: readonly { readonly method: string; readonly path: string; readonly body: unknown }[] = [
  { method: 'POST', path: '/memories', body: MEMORY },
  { method: 'POST', path: '/memories', body: { content: 'x' } },
  { method: 'POST', path: '/memories/bulk', body: { memories: [MEMORY, { content: 'y' }] } },
  { method: 'POST', path: '/memories/bulk', body: [{ content: 'z', tags: [] }, MEMORY] },
  { method: 'PATCH', path: `/memories/${ID}`, body: { title: null, priority: 1, tags: ['a'] } },
  { method: 'POST', path: '/links', body: { from: ID, to: ID, relation: 'explains', valid_from: null } },
  {
    method: 'POST',
    path: '/recall',
    body: { query: 'deploy key', namespace: 'team/api', limit: 3, kinds: ['fact'], explain: true },
  },
  { method: 'POST', path: '/search', body: { q: 'key' } },
  {
    method: 'POST',
    path: '/agents/ai:alice/memory/episodic',
    body: { event_type: 'said', sender: 'a', recipient: 'b', body: { text: 'hello' } },
  },
  { method: 'POST', path: `/memories/${ID}/resolve`, body: { field: 'title', value: 'x' } },
]

let bodies: readonly Uint8Array[] | null = null
export const requestBodies = (): readonly Uint8Array[] =>
  (bodies ??= REQUESTS.map(({ body }) => encoder.encode(JSON.stringify(body))))
