/**
 * The verdict of the ship gate, in its first line: what was not tried is no pass.
 */
import type { Phase } from './mesh.ts'

export const gateMarkdown = ({
  phases,
  notTried,
  seed,
}: {
  readonly phases: readonly Phase[]
  readonly notTried: readonly string[]
  readonly seed: number
}): { readonly text: string; readonly passed: boolean } => {
  const failed = phases.filter((phase) => !phase.passed)
  const passed = phases.length > 0 && failed.length === 0 && notTried.length === 0
  const why =
    failed.length > 0
      ? `FAILED: ${failed.map(({ name, reasons }) => `${name}: ${reasons[0] ?? 'no reason'}`).join('; ')}`
      : passed
        ? `passed: ${phases.length} phases`
        : `NOT DECIDED: ${phases.length} phases passed, not tried: ${notTried.join('; ')}`
  const figures = phases.flatMap((phase) => phase.figures ?? [])
  const [first] = figures
  const columns = first === undefined ? [] : Object.keys(first)
  const shown = (value: unknown): string =>
    typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(4) : String(value)
  return {
    passed,
    text: [
      `# Ship gate: ${why}`,
      '',
      `Seed ${seed}, Node ${process.versions.node}.`,
      '',
      ...phases.flatMap(({ name, passed: isGreen, facts, reasons }) => [
        `- **${name}**: ${isGreen ? 'passed' : 'FAILED'}. ${facts.join('; ')}`,
        ...reasons.slice(0, 10).map((reason) => `  - ${reason.slice(0, 1_000)}`),
      ]),
      '',
      ...(columns.length === 0
        ? []
        : [
            `| ${columns.join(' | ')} |`,
            `| ${columns.map(() => '---').join(' | ')} |`,
            ...figures.map((one) => `| ${columns.map((name) => shown(one[name])).join(' | ')} |`),
            '',
            '`by_count` is the lowest count ÷ acknowledged, as counting harnesses print it; `by_sets` the share of the acknowledged texts that every peer shows.',
            '',
          ]),
    ].join('\n'),
  }
}
