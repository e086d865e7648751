// Puts the command-line program into one file, in place of what the compiler made of its entry: three hundred files are
// opened and linked at each command otherwise, which takes as long as the command. The others stay for whoever imports them.
import { build } from 'esbuild'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

await build({
  absWorkingDir: dirname(dirname(fileURLToPath(import.meta.url))),
  entryPoints: ['src/cli/main.ts'],
  outfile: 'dist/src/cli/main.js',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: ['pkcs11js'],
  // Packages in the older format ask for Node's own modules by a function that a module in this one does not have.
  banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
  logLevel: 'error',
})
