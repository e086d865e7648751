import { existsSync, readFileSync } from 'node:fs'

/** As package.json has it, which lies one folder further up from the compiled program than from its source. */
export function readVersion(): string {
  const [found] = ['../../package.json', '../../../package.json']
    .map((place) => new URL(place, import.meta.url))
    .filter((file) => existsSync(file))
  if (found === undefined) throw new Error('package.json is not beside the program')
  const { version } = JSON.parse(readFileSync(found, 'utf8')) as { version: string }
  return version
}
