/**
 * An option's value that must be one of a few words.
 */
import { InvalidArgumentError } from 'commander'

export const oneOf =
  <Word extends string>(...words: readonly Word[]) =>
  (text: string): Word => {
    const word = words.find((candidate) => candidate === text)
    if (word !== undefined) return word
    throw new InvalidArgumentError(`Give one of: ${words.join(', ')}.`)
  }
