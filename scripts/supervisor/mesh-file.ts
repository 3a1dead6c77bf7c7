import { rmSync } from 'node:fs';
import path from 'node:path';
import { checkout } from '../servers/checkout';
import { readStateFile, writeStateFile } from '../servers/state-file';

/** What the other commands need to find the running mesh: `.local/mesh.json`. */
export interface MeshFile {
  api_url: string;
  database_url: string;
  rabbitmq_url: string;
  /** With the login in it; null where a given broker has no management API. */
  management_url: string | null;
  /** Where the mails can be looked at; absent or null where they are not caught on this machine. */
  mail_url?: string | null;
  /** `health_url` is the origin at which the service answers /healthz and /readyz. */
  services: Record<string, { pid: number; health_url: string }>;
}

interface StoredMesh extends MeshFile {
  /** Which checkout it runs from: a copy of that one must not take its mesh for its own. */
  checkout?: string;
}

// Not inLocal(): reading must not create the folder, which an image may not even allow.
const meshFile = path.join(checkout, '.local', 'mesh.json');

/** The mesh that runs from this checkout; undefined when none does. */
export function readMeshFile(file = meshFile): MeshFile | undefined {
  const stored = readStateFile<StoredMesh>(file);
  if (!stored?.api_url || (stored.checkout !== undefined && stored.checkout !== checkout)) return undefined;
  const { checkout: _, ...mesh } = stored;
  return mesh;
}

/** Atomic, so that a reader never sees half of it; for the owner only, as the passwords are in it. */
export function writeMeshFile(mesh: MeshFile, file = meshFile): void {
  const stored: StoredMesh = { ...mesh, checkout };
  writeStateFile(file, `${JSON.stringify(stored, null, 2)}\n`);
}

export function removeMeshFile(file = meshFile): void {
  rmSync(file, { force: true });
}
