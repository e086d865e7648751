// The signer in one file, and the npm packages that are in it or beside it.
//   node scripts/signer-bundle.mjs               writes src/signer/packages.txt
//   node scripts/signer-bundle.mjs --check       exits 1 when that list is not what the bundle has
//   node scripts/signer-bundle.mjs --out FILE    writes the bundle itself, for an image
// A package that comes in by a detour, as the dependency of a dependency, is seen here and nowhere else.
import { build } from 'esbuild'
import { readFileSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const listFile = 'src/signer/packages.txt'
const heading =
  '# npm packages beside the key, one a line. Written by `node scripts/signer-bundle.mjs`; a test compares.'
/** Native: it stays a package of its own, next to the bundle. */
const external = ['pkcs11js']

const { values } = parseArgs({ options: { check: { type: 'boolean' }, out: { type: 'string' } } })
const { metafile, outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['src/signer/main.ts'],
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external,
  metafile: true,
  logLevel: 'error',
  // Next to the bundle as it will lie in the image; nothing is written there now.
  outfile: 'dist/signer-bundle/signer.mjs',
})
const packages = packagesOf(metafile)

if (values.check === true) check(packages)
else if (values.out !== undefined) writeFileSync(values.out, outputFiles[0].contents)
else writeFileSync(join(root, listFile), `${[heading, ...packages].join('\n')}\n`)

/** By their folders where they are bundled, by their names where they are not. Paths may lead through a link. */
function packagesOf({ inputs, outputs }) {
  const bundled = Object.keys(inputs).flatMap((path) => {
    const folder = /^.*\/?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)
    return folder === null ? [] : [folder[1]]
  })
  const beside = Object.values(outputs)
    .flatMap((output) => output.imports.map((each) => each.path))
    .filter((name) => !isBuiltin(name))
  return [...new Set([...bundled, ...beside])].sort((a, b) => (a < b ? -1 : 1))
}

function check(found) {
  const listed = readFileSync(join(root, listFile), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const added = found.filter((name) => !listed.includes(name))
  const gone = listed.filter((name) => !found.includes(name))
  for (const name of added) console.error(`${name} is in the signer and not in ${listFile}`)
  for (const name of gone) console.error(`${name} is in ${listFile} and not in the signer`)
  if (found.length === 0) console.error('the bundle holds no package at all')
  process.exitCode = added.length + gone.length === 0 && found.length > 0 ? 0 : 1
}
