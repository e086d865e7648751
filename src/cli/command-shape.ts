import { InvalidArgumentError, type Command } from 'commander'
import { Output } from './terminal.js'
import { Session, type World } from './session.js'

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean
}
export interface ConfirmOptions {
  readonly yes?: boolean
}
export interface ListOptions extends CommonOptions {
  readonly limit?: number
  readonly after?: string
}

/** A command with its summary, an example in its help, and --json. */
export const defineCommand = (parent: Command, usage: string, summary: string, example: string): Command => {
  const command = parent
    .command(usage)
    .description(summary)
    .option('--json', 'print the answer as JSON on standard output')
    .addHelpText('after', `\nExample:\n  $ countersign ${example}`)
  examples.set(command, example)
  return command
}

/** A group such as `release`; alone it prints its commands. Its help ends with the example of its first command. */
export const defineGroup = (parent: Command, name: string, summary: string): Command => {
  const group = parent.command(name).description(summary)
  return group.addHelpText('after', () => `\nExample:\n  $ countersign ${exampleOf(group)}`)
}

const exampleOf = (command: Command): string => {
  const [first] = command.commands
  return first === undefined ? '' : (examples.get(first) ?? exampleOf(first))
}

/** What the help of each command shows. */
const examples = new WeakMap<Command, string>()

export const withKey = (command: Command): Command =>
  withSecret(command.requiredOption('--key <file>', "your key file, made by 'countersign key create'"))

/** A key that only some uses of a command need. */
export const withKeyFor = (command: Command, what: string): Command => withSecret(command.option('--key <file>', what))

const withSecret = (command: Command): Command =>
  command
    .option('--passphrase-file <file>', 'take the passphrase from the first line of this file')
    .option('--token <module>', 'a key in a token: the PKCS#11 module, where the key file names another')
    .option('--pin-file <file>', 'a key in a token: take the PIN from the first line of this file')

export const withYes = (command: Command): Command => command.option('--yes', 'do not ask')

export const withPaging = (command: Command): Command =>
  command
    .option('--limit <count>', 'rows at most, 1 to 1000', wholeNumber(1, 1_000))
    .option('--after <cursor>', 'go on after "next" of the answer before')

/** `?limit=…&after=…`, or nothing. */
export function pagingOf(options: ListOptions): string {
  const query = new URLSearchParams()
  if (options.limit !== undefined) query.set('limit', String(options.limit))
  if (options.after !== undefined) query.set('after', options.after)
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}

/** Parses a whole number of an option within bounds; anything else is a usage error. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(`a whole number from ${least} to ${most}`)
    return value
  }

/** Collects an option that may be given several times. */
export const collect =
  <T>(parse: (text: string) => T) =>
  (text: string, before: readonly T[] | undefined): T[] => [...(before ?? []), parse(text)]

/** An id in a path of the API. */
export const segment = (id: string): string => encodeURIComponent(id)

/** The session of a command that needs a login. */
export const sessionOf = (world: World, options: CommonOptions): Session =>
  new Session(world, new Output(world.terminal, options.json === true))
