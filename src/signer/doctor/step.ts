import { Refusal } from '../../domain/refusal.js'

/** What a look found; `warning` is what should be changed, though it keeps nobody from signing. */
export interface Finding {
  readonly found: string
  readonly warning?: string
}

/** One thing that has to be right before a signer can sign. */
export interface Step {
  readonly name: string
  /** Steps without which this one can say nothing. */
  readonly needs: readonly string[]
  /** What to do when it fails. */
  readonly next: string
  look(): Finding | Promise<Finding>
}

export interface StepReport {
  readonly step: string
  readonly outcome: 'ok' | 'warning' | 'failed' | 'not-reached'
  /** Words for people. */
  readonly found: string
  /** Of a step that failed. */
  readonly code?: string
  readonly detail?: unknown
  readonly next?: string
}

/** Takes the steps in their order. One that fails keeps back those that need it, and no others. */
export async function takeSteps(steps: readonly Step[]): Promise<StepReport[]> {
  const reports: StepReport[] = []
  const good = new Set<string>()
  for (const step of steps) {
    const missing = step.needs.find((name) => !good.has(name))
    const report = missing === undefined ? await take(step) : notReached(step, missing)
    if (report.outcome === 'ok' || report.outcome === 'warning') good.add(step.name)
    reports.push(report)
  }
  return reports
}

const notReached = (step: Step, missing: string): StepReport => ({
  step: step.name,
  outcome: 'not-reached',
  found: `needs "${missing}"`,
})

async function take(step: Step): Promise<StepReport> {
  try {
    const { found, warning } = await step.look()
    if (warning === undefined) return { step: step.name, outcome: 'ok', found }
    return { step: step.name, outcome: 'warning', found, next: warning }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { code, detail } = error
    return { step: step.name, outcome: 'failed', found: factsOf(detail), code, detail, next: step.next }
  }
}

const factsOf = (detail: object): string =>
  Object.entries(detail)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join(', ')
