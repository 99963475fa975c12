/**
 * What a tool is: how it is told to a model, what it takes and answers, and the function that asks the node.
 */
import AjvCompiler from '@fastify/ajv-compiler'
import type { AgentId, Namespace } from '../../crdt/ids.ts'
import type { Node, ReadOptions } from '../api.ts'
import { NodeError } from '../errors.ts'
import { ajvOptions } from '../input/keywords.ts'

export type JsonSchema = Readonly<Record<string, unknown>>
/** Who asks, and where its memories belong. `namespace` null: writes go to the default one, reads see all. */
export type Session = { readonly agent: AgentId; readonly namespace: Namespace | null; readonly readOnly: boolean }

export type Asked = {
  readonly node: Node
  readonly session: Session
  /** Notes the token of a write of this agent, so that its next read sees it. */
  wrote(token: string): void
  /** What a read asks for so that it sees this agent's own writes. */
  readonly own: ReadOptions
  /** Does what reads and then writes by it, one after the other for all who write to the namespace (the session's, unless given) over this peer. */
  alone<T>(work: () => Promise<T>, into?: Namespace): Promise<T>
  /** Now, ms since 1970. */
  now(): number
}

/** `text`: for a model. `data`: the same for a program, in the shape of `output`. */
export type Told = {
  readonly text: string
  readonly data: Readonly<Record<string, unknown>>
  /** A refusal in the tool's own words. */ readonly isError?: true
}

/** Hints of the protocol, all four: it only reads, may destroy, a repeat is harmless, it reaches beyond the memory. */
export type Hints = {
  readonly readOnlyHint: boolean
  readonly destructiveHint: boolean
  readonly idempotentHint: boolean
  readonly openWorldHint: false
}

export type Tool = {
  readonly name: string
  readonly title: string
  /** When to use it, and when not. */
  readonly description: string
  readonly input: JsonSchema
  readonly output: JsonSchema
  readonly hints: Hints
  /** @param args as `input` has them. @throws NodeError. */
  run(asked: Asked, args: never): Promise<Told>
}

export const READS: Hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
export const ADDS: Hints = { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false }
export const CHANGES: Hints = { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false }

export const object = (
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = Object.keys(properties),
): JsonSchema => ({ type: 'object', properties, required, additionalProperties: false })

/** What a tool answers. Told in fewer words: the model sees the answer itself, and a program may find more in it than it looks for. */
export const answer = (
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): JsonSchema => ({ type: 'object', properties, ...(required.length === 0 ? {} : { required }) })

/** What a client is told of a tool. */
export const published = ({ name, title, description, input, output, hints }: Tool) => ({
  name,
  title,
  description,
  inputSchema: standard(input) as { type: 'object' },
  outputSchema: standard(output) as { type: 'object' },
  annotations: hints,
})

/** Without our own keywords, which some hosts refuse: no text of N bytes has more than N characters. */
const standard = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(standard)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [/^x-(text-)?bytes-max$/.test(key) ? 'maxLength' : key, standard(part)]),
  )
}

const build = AjvCompiler()({}, ajvOptions)
type Fault = {
  readonly keyword: string
  readonly instancePath: string
  readonly message?: string
  readonly params: Readonly<Record<string, unknown>>
}
type Check = ReturnType<typeof build> & { readonly errors?: readonly Fault[] | null }
const checkByTool = new Map<Tool, Check>()

/**
 * The arguments as the tool takes them: what is null counts as left out, since many clients fill in every field.
 * Compiled when the tool is first called. @throws NodeError malformed or too_large, naming the field and the mend.
 */
export const checkedArguments = (tool: Tool, given: Readonly<Record<string, unknown>>): unknown => {
  const args = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
  let check = checkByTool.get(tool)
  if (check === undefined) {
    check = build({ schema: tool.input, method: 'POST', url: `/${tool.name}`, httpPart: 'body' })
    checkByTool.set(tool, check)
  }
  if (check(args) === true) return args
  throw refused(tool, check.errors?.[0])
}

const refused = (tool: Tool, fault: Fault | undefined): NodeError => {
  const at = fault?.instancePath.slice(1).replaceAll('/', '.').slice(0, 64) ?? ''
  const what = at === '' ? 'the arguments' : at
  const takes = Object.keys(tool.input['properties'] ?? {}).join(', ')
  switch (fault?.keyword) {
    case 'additionalProperties':
      return malformed(
        `${what}: there is no field ${shortly(fault.params['additionalProperty'])} here; ${tool.name} takes ${takes}`,
      )
    case 'required':
      return malformed(
        `${what}: the field ${shortly(fault.params['missingProperty'])} is missing; ${tool.name} takes ${takes}`,
      )
    case 'x-text-bytes-max':
      return new NodeError(
        'too_large',
        `${what} ${fault.message ?? 'is too long'}; shorten it, or split it into several`,
      )
    default:
      return malformed(`${what} ${fault?.message ?? 'does not fit'}; give it so, and call ${tool.name} again`)
  }
}

const malformed = (message: string): NodeError => new NodeError('malformed', message)
const shortly = (name: unknown): string => JSON.stringify(String(name).slice(0, 64))
