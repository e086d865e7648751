/** Facts of one decision: ids, sizes, times. No bytes and no secrets. */
export type LogFacts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** One JSON line for each decision. Refusals are information, outages are errors. */
export class SignerLog {
  /** @param write takes one whole line. */
  constructor(
    private readonly process: string,
    private readonly write: (line: string) => void,
  ) {}

  info(event: string, facts: LogFacts = {}): void {
    this.line('info', event, facts)
  }

  warn(event: string, facts: LogFacts = {}): void {
    this.line('warn', event, facts)
  }

  /** With the whole chain of causes: this is for whoever operates the host, never for a client. */
  error(event: string, error: unknown, facts: LogFacts = {}): void {
    this.line('error', event, { ...facts, causes: causesOf(error) })
  }

  private line(level: string, event: string, facts: LogFacts): void {
    this.write(JSON.stringify({ time: new Date().toISOString(), level, process: this.process, event, ...facts }))
  }
}

function causesOf(error: unknown): string[] {
  const causes: string[] = []
  for (let at = error; at instanceof Error && causes.length < 8; at = at.cause) causes.push(`${at.name}: ${at.message}`)
  return causes
}
