import { printable } from './printable-text.js'

/** Where a person sits, or a script. Answers for programs go to `result`, words for people to `line`. */
export abstract class Terminal {
  /** True when somebody can be asked. */
  abstract readonly isInteractive: boolean
  /** One line on standard output. */
  abstract line(text: string): void
  /** One line on standard error. */
  abstract note(text: string): void
  /** One line on standard output that nobody should miss: red where standard output is a terminal. */
  abstract alarm(text: string): void
  /** Rewrites one line on standard error; does nothing where standard error is no terminal. */
  abstract status(text: string): void
  /** A table that replaces the one shown by the call before, where standard output is a terminal. */
  abstract table(lines: readonly string[]): void
  abstract ask(question: string): Promise<string>
  /** Like `ask`, without showing what is typed. */
  abstract askSecret(question: string): Promise<string>
}

/** What one command says: with --json exactly its results on standard output, and every word on standard error. */
export class Output {
  constructor(
    readonly terminal: Terminal,
    readonly isJson: boolean,
  ) {}

  line(text = ''): void {
    if (this.isJson) this.terminal.note(printable(text))
    else this.terminal.line(printable(text))
  }

  /** A line that nobody should miss. */
  alarm(text: string): void {
    if (this.isJson) this.terminal.note(printable(text))
    else this.terminal.alarm(printable(text))
  }

  lines(texts: readonly string[]): void {
    for (const text of texts) this.line(text)
  }

  /** A live table; a program that reads JSON gets the results instead. */
  table(texts: readonly string[]): void {
    if (!this.isJson) this.terminal.table(texts.map(printable))
  }

  result(value: unknown): void {
    if (this.isJson) this.terminal.line(JSON.stringify(value))
  }
}
