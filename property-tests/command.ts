/** The command line of the tools in this folder: `--help`, defaults, and one line for a wrong argument (exit 2), all by commander. */
import { Command, InvalidArgumentError } from 'commander'

/** @param name the npm script: `npm run <name> -- …` */
export const tool = (name: string, description: string): Command =>
  new Command(`npm run ${name} --`)
    .description(description)
    .allowExcessArguments(false)
    .showHelpAfterError(`npm run ${name} -- --help   tells them all`)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))

/** Reads a whole number; `1_000_000` is one too. */
export const whole =
  (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text.replaceAll('_', ''))
    if (text !== '' && Number.isSafeInteger(value) && value >= min && value <= max) return value
    throw new InvalidArgumentError(
      max === Number.MAX_SAFE_INTEGER
        ? `Give a whole number from ${min} on.`
        : `Give a whole number from ${min} to ${max}.`,
    )
  }
