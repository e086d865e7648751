import { Injectable } from '@nestjs/common'

/** Ids, sizes and words; never bytes, never a secret. */
export type LogFacts = Readonly<Record<string, string | number | boolean | null | undefined>>

/** One JSON line per decision on standard output: a constant event and its facts. */
@Injectable()
export class DecisionLog {
  info(event: string, facts: LogFacts = {}): void {
    this.write('info', event, facts)
  }

  /** An outage or a bug, with the whole chain of causes; people who called get none of it. */
  error(event: string, error: unknown, facts: LogFacts = {}): void {
    this.write('error', event, { ...facts, causes: causesOf(error) })
  }

  protected write(level: string, event: string, facts: Readonly<Record<string, unknown>>): void {
    const own = { at: new Date().toISOString(), level, event }
    // Once more behind the facts: none of them takes the place of when and what it was.
    process.stdout.write(`${JSON.stringify({ ...own, ...facts, ...own })}\n`)
  }
}

function causesOf(error: unknown): string[] {
  const causes: string[] = []
  for (let each = error; each !== undefined && causes.length < 8; each = each instanceof Error ? each.cause : undefined)
    causes.push(
      each instanceof Error
        ? (each.stack ?? each.message)
        : typeof each === 'string'
          ? each
          : (JSON.stringify(each) ?? 'nothing'),
    )
  return causes
}
