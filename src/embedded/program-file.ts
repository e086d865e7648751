import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Refusal } from '../domain/refusal.js'

/** The folder that holds package.json, whether this runs compiled or from its source in a test. */
export function projectFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    if (dirname(folder) === folder) throw new Error('this file stands in no npm package')
    folder = dirname(folder)
  }
  return folder
}

/**
 * The compiled file of a program, for a process of its own. @param name path of its source without `.ts`: `src/signer/main`.
 * @throws Refusal `PACKAGE_MISSING` when the project is not compiled.
 */
export function requireProgramFile(name: string): string {
  const file = join(projectFolder(), 'dist', `${name}.js`)
  if (!existsSync(file)) throw new Refusal('PACKAGE_MISSING', { name: `dist/${name}.js`, fix: 'npm run build' })
  return file
}
