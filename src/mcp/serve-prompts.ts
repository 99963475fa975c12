/** Answers what the protocol asks about prompts. */
import { ProtocolError, ProtocolErrorCode, type Server } from '@modelcontextprotocol/server'
import type { Prompt } from './prompts.ts'
import type { Asked } from './tool.ts'

/** @param ask does what it is given for whoever asks, and tells failures as the protocol does. */
export const servePrompts = (
  server: Server,
  prompts: readonly Prompt[],
  ask: <T>(what: string, work: (asked: Asked) => Promise<T>) => Promise<T>,
): void => {
  server.setRequestHandler('prompts/list', () => ({
    prompts: prompts.map(({ name, title, description, arguments: takes }) => ({
      name,
      title,
      description,
      arguments: [...takes],
    })),
  }))
  server.setRequestHandler('prompts/get', ({ params: { name, arguments: args = {} } }) =>
    ask('prompts/get', async (asked) => {
      const prompt = prompts.find((one) => one.name === name)
      if (prompt === undefined)
        throw new ProtocolError(
          ProtocolErrorCode.InvalidParams,
          `there is no prompt ${name.slice(0, 64)} here; prompts/list names those that are`,
        )
      const lacks = prompt.arguments.find((argument) => argument.required && (args[argument.name] ?? '') === '')
      if (lacks !== undefined)
        throw new ProtocolError(
          ProtocolErrorCode.InvalidParams,
          `${name} needs the argument ${lacks.name}: ${lacks.description}`,
        )
      return {
        description: prompt.description,
        messages: [{ role: 'user' as const, content: { type: 'text' as const, text: await prompt.text(asked, args) } }],
      }
    }),
  )
}
