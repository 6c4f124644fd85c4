/** A lockfile as npm writes it (`lockfileVersion` 2 or 3): folder of the package -> what is installed there. */
export interface Lockfile {
  packages: Record<string, { version?: string; optionalDependencies?: Record<string, string> }>
}

/**
 * Optional dependencies that some package names and the lockfile does not hold, as `package@version needs name@range`.
 *
 * npm leaves a platform package out of the lock when the registry it asked did not have it. The install on that machine succeeds, and
 * `npm ci` of a fresh clone then refuses the lock: so this is only seen by the next person, unless it is looked for.
 */
export function missingPlatformPackages({ packages }: Lockfile): string[] {
  const missing: string[] = []
  for (const [folder, { version, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(optionalDependencies)) {
      if (!foldersAbove(folder).some((above) => `${above}node_modules/${name}` in packages)) {
        missing.push(`${folder || 'this project'}@${version} needs ${name}@${range}`)
      }
    }
  }
  return missing
}

/** Where Node looks for a dependency of the package in `folder`, nearest first: `a/node_modules/b` -> [`a/node_modules/b/`, `a/`, ``]. */
function foldersAbove(folder: string): string[] {
  const above = folder === '' ? [] : [`${folder}/`]
  for (let end = folder.lastIndexOf('node_modules/'); end > 0; end = folder.lastIndexOf('node_modules/', end - 1)) {
    above.push(folder.slice(0, end))
  }
  return [...above, '']
}
