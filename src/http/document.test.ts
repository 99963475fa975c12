/** The published document against the routes and against what they really answer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openDoor } from './testing/door-client.ts'
import type { Answer, TestDoor } from './testing/door-client.ts'
import { responseChecker, type Document } from './testing/response-checker.ts'

let d: TestDoor
let document: Document
beforeAll(async () => {
  d = await openDoor()
  document = (await d.send('GET', '/openapi.json')).body as Document
})
afterAll(() => d.door.close())

const documented = () =>
  Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )

describe('openapi.json', () => {
  test('is OpenAPI 3.1 of this version, the same over the wire and in the process', () => {
    expect([document.openapi, document.info.version]).toEqual(['3.1.0', '1.2.3'])
    expect(JSON.parse(JSON.stringify(d.door.openapi()))).toEqual(document)
  })

  test('names every route, and no other', () => {
    const served = d.door.routes
      .filter(({ method }) => method !== 'HEAD')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(served.length).toBeGreaterThan(30)
    expect(documented().sort()).toEqual(served.sort())
  })

  test('every reference in it leads somewhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!)
    expect(references.length).toBeGreaterThan(10)
    expect(
      references
        .map((reference) => reference.replace('#/components/schemas/', ''))
        .filter((name) => !(name in document.components.schemas)),
    ).toEqual([])
  })

  test('every route answers, and what it answers is as declared; so are its refusals', async () => {
    const check = await responseChecker(document)
    const seen = new Set<string>()
    const visit = async (
      method: string,
      path: string,
      template: string,
      body?: unknown,
      headers?: Readonly<Record<string, string>>,
    ): Promise<Answer> => {
      const answer =
        template === '/metrics'
          ? await metricsAtRoot(d.url)
          : template === '/mcp'
            ? await mcpAtRoot(d.url, body)
            : await d.send(method, path, body, headers === undefined ? {} : { headers })
      seen.add(`${method} ${template}`)
      expect([method, template, answer.status < 300, answer.text]).toEqual([method, template, true, answer.text])
      await check(method, template, answer)
      return answer
    }
    const api = (template: string) => `/api/v1${template}`
    const octets = { 'content-type': 'application/octet-stream' }

    const full = {
      content: 'needle',
      title: 't',
      tags: ['x'],
      metadata: { a: [1] },
      occurred_at: '2024-01-01T00:00:00Z',
      namespace: 'n',
    }
    const a = String((await visit('POST', '/memories', api('/memories'), full)).body['id'])
    const b = String((await visit('POST', '/memories', api('/memories'), { content: 'bare' })).body['id'])
    await visit('POST', '/memories/bulk', api('/memories/bulk'), [{ content: 'x' }, { content: 2 }])
    await visit('POST', '/links', api('/links'), { from: a, to: b, relation: 'r' })
    await visit('GET', `/links/${a}`, api('/links/{id}'))
    await visit('GET', `/graph?from=${a}&depth=1`, api('/graph'))
    await visit('GET', '/memories', api('/memories'))
    await visit('GET', `/memories/${a}`, api('/memories/{id}'))
    await visit('PATCH', `/memories/${a}`, api('/memories/{id}'), { title: null })
    await visit('PUT', `/memories/${a}`, api('/memories/{id}'), { title: 'u' })
    await visit('GET', `/memories/${a}/history`, api('/memories/{id}/history'))
    await visit('GET', `/memories/${a}/history?diff=true`, api('/memories/{id}/history'))
    await visit('GET', '/diff?namespace=default&from=2020-01-01T00:00:00Z', api('/diff'))
    await visit('GET', `/memories/${a}/proof`, api('/memories/{id}/proof'))
    await visit('GET', `/memories/${a}/conflicts`, api('/memories/{id}/conflicts'))
    await visit('POST', `/memories/${a}/resolve`, api('/memories/{id}/resolve'), { field: 'title', value: 'v' })
    for (const path of ['/recall', '/search']) {
      await visit('GET', `${path}?q=needle&explain=true`, api(path))
      await visit('POST', path, api(path), { q: 'needle' })
    }
    await visit('DELETE', '/links', api('/links'), { from: a, to: b, relation: 'r' })
    await visit('DELETE', `/memories/${a}`, api('/memories/{id}'))
    await visit('POST', `/memories/${a}/restore`, api('/memories/{id}/restore'))
    await visit('POST', '/agents/ai:a/memory/episodic', api('/agents/{id}/memory/episodic'), {
      event_type: 'x',
      body: { y: 1 },
    })
    await visit('GET', '/agents/ai:a/memory/episodic', api('/agents/{id}/memory/episodic'))
    for (const path of [
      '/health',
      '/namespaces',
      '/stats',
      '/storage',
      '/capabilities',
      '/quorum',
      '/peers',
      '/digests',
      '/mesh/applied',
      '/mesh/control',
      '/openapi.json',
      '/metrics',
      '/events',
    ])
      await visit('GET', path, api(path))
    await visit('POST', '/verify', api('/verify'))
    await visit('POST', '/projection/rebuild', api('/projection/rebuild'))
    await visit('POST', '/mesh/join', api('/mesh/join'), Uint8Array.of(1), octets)
    for (const path of ['/mesh/revoke', '/mesh/leave-behind', '/mesh/level'])
      await visit('POST', path, api(path), Uint8Array.of(1), octets)
    await visit('GET', `/identity?challenge=${'ab'.repeat(32)}`, api('/identity'))
    await visit('GET', '/metrics', '/metrics')
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list', arguments: {} } }
    for (const path of ['/mcp', api('/mcp')]) await visit('POST', '/mcp', path, message)
    expect([...seen].sort()).toEqual(documented().sort())

    await check('GET', api('/memories/{id}'), await d.send('GET', '/memories/none'))
    await check('POST', api('/memories'), await d.send('POST', '/memories', { wat: 1 }))
    d.degrade('as asked')
    await check('GET', api('/health'), await d.send('GET', '/health'))
  })

  test('a response that is not as declared is noticed', async () => {
    const check = await responseChecker(document)
    const answer = await d.send('GET', '/digests')
    await expect(check('GET', '/api/v1/digests', { ...answer, text: '{"frontier":1}' })).rejects.toThrow(
      /frontier|required/,
    )
  })
})

const metricsAtRoot = async (url: string): Promise<Answer> => {
  const response = await fetch(`${url}/metrics`)
  return { status: response.status, headers: response.headers, text: await response.text(), body: {} }
}

const mcpAtRoot = async (url: string, message: unknown): Promise<Answer> => {
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
  })
  return { status: response.status, headers: response.headers, text: await response.text(), body: {} }
}
