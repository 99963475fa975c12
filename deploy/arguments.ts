/** Arguments of the commands here that are whole numbers. */
import { InvalidArgumentError } from 'commander'

export const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (text !== '' && Number.isSafeInteger(value) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`)
  }
