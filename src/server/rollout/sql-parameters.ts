/** Parameters of one query, in the order in which its text names them. */
export class SqlParameters {
  readonly values: unknown[] = []

  /** @returns how the text names it, with its type. */
  add(value: unknown, type: string): string {
    this.values.push(value)
    return `$${this.values.length}::${type}`
  }
}
