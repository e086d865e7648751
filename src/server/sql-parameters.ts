/** Parameters of one query, in the order in which its text names them. */
export class SqlParameters {
  readonly values: unknown[] = []

  /** @returns how the text names it, with its type. */
  add(value: unknown, type: string): string {
    this.values.push(value)
    return `$${this.values.length}::${type}`
  }

  /** Takes over a condition whose parameters come behind those so far. @returns its text. */
  adopt(
    compile: (before: readonly unknown[]) => { readonly sql: string; readonly parameters: readonly unknown[] },
  ): string {
    const { sql, parameters } = compile(this.values)
    this.values.push(...parameters.slice(this.values.length))
    return sql
  }
}
