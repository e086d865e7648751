/** `meta.conf`, as far as it describes: settings of the top level, and those of each file resource. */
export interface MetaConf {
  readonly settings: ReadonlyMap<string, string>
  readonly resources: ReadonlyMap<string, ReadonlyMap<string, string>>
}

const MOST_RESOURCES = 1_024

/** Written by fwup itself, one setting a line; tasks and what they do are passed over. */
export function readMetaConf(text: string): MetaConf {
  const meta = new MetaLines()
  for (const line of text.split('\n')) meta.take(line.trim())
  return meta
}

class MetaLines implements MetaConf {
  readonly settings = new Map<string, string>()
  readonly resources = new Map<string, Map<string, string>>()
  /** Where settings go; null inside of what is passed over. */
  private open: Map<string, string> | null = this.settings
  private depth = 0

  take(line: string): void {
    if (line.endsWith('{')) this.enter(line)
    // Lists stand between braces on one line and open nothing.
    else if (line === '}') this.leave()
    else this.set(line)
  }

  private enter(line: string): void {
    this.depth += 1
    this.open = null
    const name = /^file-resource\s+"?([^"{]*[^"{\s])"?\s*\{$/.exec(line)?.[1]
    if (name === undefined || this.depth !== 1 || this.resources.size === MOST_RESOURCES) return
    this.open = new Map()
    this.resources.set(unquote(name), this.open)
  }

  private leave(): void {
    this.depth = Math.max(0, this.depth - 1)
    this.open = this.depth === 0 ? this.settings : null
  }

  private set(line: string): void {
    const [, name, quoted, plain] = /^([a-z][a-z0-9-]*)\s*\+?=\s*(?:"(.*)"|([^"{].*))$/.exec(line) ?? []
    if (name !== undefined) this.open?.set(name, unquote(quoted ?? plain ?? ''))
  }
}

const unquote = (text: string): string => text.replaceAll(/\\(.)/g, '$1')
