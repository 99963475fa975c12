/**
 * A vitest reporter that leaves exact figures in a file: how many tests passed and failed, and which were skipped and why.
 *
 * Something failed without any test of it having run (a file that does not load, a hook that throws, an error that nobody
 * awaited) counts as one failure: silence never looks like success.
 */
import { writeFileSync } from 'node:fs'

/** @typedef {{ passed: number, failed: number, skipped: { name: string, why: string }[] }} Figures */

export default class CountReporter {
  /** @param {import('vitest/node').Vitest} vitest */
  onInit(vitest) {
    this.file = vitest.config.outputFile
  }

  /**
   * @param {ReadonlyArray<import('vitest/node').TestModule>} modules
   * @param {ReadonlyArray<unknown>} errors
   */
  onTestRunEnd(modules, errors) {
    if (typeof this.file !== 'string') throw new Error('count-reporter needs --outputFile=FILE')
    /** @type {Figures} */
    const figures = { passed: 0, failed: errors.length, skipped: [] }
    for (const module of modules) count(module, figures)
    writeFileSync(this.file, JSON.stringify(figures))
  }
}

/** @param {import('vitest/node').TestModule} module @param {Figures} figures */
const count = (module, figures) => {
  let failed = 0
  for (const test of module.children.allTests()) {
    const result = test.result()
    if (result.state === 'passed') figures.passed++
    else if (result.state === 'skipped')
      figures.skipped.push({ name: `${module.relativeModuleId}: ${test.fullName}`, why: result.note ?? '' })
    else failed++
  }
  // A test still 'pending' when the run ended never answered: it was counted above as failed.
  figures.failed += failed === 0 && !module.ok() ? 1 : failed
}
