// Prints one SHA-256 over the names and contents of the files and folders given. Times of change say nothing: a
// checkout sets them anew.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const hash = createHash('sha256')
for (const path of process.argv.slice(2)) for (const file of filesOf(path)) hash.update(`${file}\0`).update(sum(file))
console.log(hash.digest('hex'))

function filesOf(path) {
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesOf(join(path, name)))
}

// Of fixed length, so that two different lists of files can never be one text.
function sum(file) {
  return createHash('sha256').update(readFileSync(file)).digest()
}
