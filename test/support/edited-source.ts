import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

/** One edit of the source. `find` stands in the file exactly once. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** The edited files by path, below `folder`; or why there is no such thing to edit any more. */
export function editSource(folder: string, edits: readonly Edit[]): Map<string, string> | string {
  const texts = new Map<string, string>()
  for (const { file, find, replace } of edits) {
    const path = join(folder, file)
    const text = texts.get(path) ?? readFileSync(path, 'utf8')
    const pieces = text.split(find)
    if (pieces.length !== 2) return `the guard is ${pieces.length - 1} times in ${file}: ${find}`
    texts.set(path, pieces.join(replace))
  }
  return texts
}

/** One file of `entry` and all it imports of ours, with the edited texts in the place of those on disk. */
export async function bundleEdited(
  folder: string,
  entry: string,
  outfile: string,
  texts: ReadonlyMap<string, string>,
): Promise<void> {
  await build({
    absWorkingDir: folder,
    entryPoints: [join(folder, entry)],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    tsconfigRaw: {},
    plugins: [
      {
        name: 'edited-source',
        setup(setup) {
          setup.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const contents = texts.get(path)
            return contents === undefined ? undefined : { contents, loader: 'ts' }
          })
        },
      },
    ],
  })
}
