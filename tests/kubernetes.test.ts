import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse, parseAllDocuments } from 'yaml';
import { SECRETS } from '../shared/service/secret-files';
import { foldersWith } from '../shared/service/service-folders';

// The manifests under deploy/kubernetes, as kustomize puts them together (what is used of it here: resources, generated
// ConfigMaps, images), validated by the Kubernetes and KEDA schemas, and held against the code that they run.

const root = path.resolve(__dirname, '..');

interface Container {
  name: string;
  image: string;
  command?: string[];
  ports?: { name: string; containerPort: number }[];
  env: {
    name: string;
    value?: string;
    valueFrom?: Record<string, { name: string; key: string; optional?: boolean }>;
  }[];
  envFrom?: { configMapRef: { name: string } }[];
  securityContext: unknown;
  resources: { requests: object; limits: { memory: string } };
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  [probe: string]: unknown;
}
interface Secret {
  name: string;
  items?: { key: string; path: string }[];
}
interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  securityContext: unknown;
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds?: number;
  volumes: { name: string; secret?: { secretName: string }; projected?: { sources: { secret: Secret }[] } }[];
}
interface Selector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: 'In'; values: string[] }[];
}
type Peer = {
  podSelector?: Selector;
  namespaceSelector?: Selector;
  ipBlock?: { cidr: string; except: string[] };
};
interface Resource {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  // eslint-disable-next-line typescript/no-explicit-any -- each kind has another
  spec?: any;
  data?: Record<string, string>;
}
interface Kustomization {
  resources: string[];
  namespace: string;
  images?: { name: string; newName: string; newTag: string }[];
  configMapGenerator?: { name: string; behavior?: string; literals: string[] }[];
}

function build(folder: string): Resource[] {
  const read = (file: string) => readFileSync(path.join(root, folder, file), 'utf8');
  const {
    resources,
    configMapGenerator = [],
    images = [],
  } = parse(read('kustomization.yaml')) as Kustomization;
  const built = resources.flatMap((one) =>
    one.endsWith('.yaml')
      ? parseAllDocuments(read(one)).map((document) => document.toJS() as Resource)
      : build(path.join(folder, one)),
  );
  for (const { name, behavior, literals } of configMapGenerator) {
    const data = Object.fromEntries(
      literals.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    const merged =
      behavior === 'merge' && built.find((one) => one.kind === 'ConfigMap' && one.metadata.name === name);
    if (behavior === 'merge' && !merged) throw new Error(`there is no ConfigMap ${name} to merge with`);
    if (merged) Object.assign(merged.data!, data);
    else built.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
  }
  for (const container of built.flatMap((one) => containersOf(one))) {
    const image = images.find(({ name }) => name === container.image);
    if (image) container.image = `${image.newName}:${image.newTag}`;
  }
  return built;
}

const podOf = ({ kind, spec }: Resource) =>
  kind === 'Pod'
    ? (spec as PodSpec)
    : kind === 'Deployment' || kind === 'Job'
      ? (spec as { template: { spec: PodSpec } }).template.spec
      : undefined;
const containersOf = (resource: Resource): Container[] => {
  const pod = podOf(resource);
  return pod ? [...(pod.initContainers ?? []), ...pod.containers] : [];
};

const operator = parse(
  readFileSync(path.join(root, 'deploy/kubernetes/overlays/example/operator.yaml'), 'utf8'),
) as Resource;
const base = build('deploy/kubernetes/base');
const example = build('deploy/kubernetes/overlays/example');
const of = (kind: string, from = example) => from.filter((one) => one.kind === kind);
const named = (kind: string, name: string) => of(kind).find((one) => one.metadata.name === name);
const deployments = of('Deployment');
const services = foldersWith('main.js', path.join(root, 'dist')).flatMap(({ name, isExample }) =>
  isExample ? [] : [name],
);

const moduleOf = ({ apiVersion }: Resource) =>
  apiVersion.startsWith('keda.sh/')
    ? `@kubernetes-models/keda/${apiVersion}`
    : `kubernetes-models/${apiVersion}`;

/** @throws for a value that the schema does not allow */
function validate(resource: Resource): void {
  const models = require(moduleOf(resource)) as Record<string, new (data: object) => { validate(): void }>;
  const Model = models[resource.kind];
  if (!Model) throw new Error(`there is no schema of ${resource.apiVersion} ${resource.kind}`);
  new Model(resource).validate();
}

/** The validators let unknown fields pass; the compiler does not, by the types of the same packages. */
async function unknownFields(resources: Resource[]): Promise<string> {
  mkdirSync(path.join(root, '.local'), { recursive: true });
  const folder = mkdtempSync(path.join(root, '.local', 'kubernetes-'));
  try {
    const lines = resources.map(
      (one, n) =>
        `import type { I${one.kind} as T${n} } from '${moduleOf(one)}';\nexport const r${n}: T${n} = ${JSON.stringify(one)};\n`,
    );
    writeFileSync(path.join(folder, 'manifests.ts'), lines.join(''));
    const compilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      module: 'nodenext',
      target: 'es2022',
      types: [],
    };
    writeFileSync(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['manifests.ts'] }),
    );
    const tsc = path.join(root, 'node_modules', '.bin', 'tsc');
    return await promisify(execFile)(tsc, ['-p', folder, '--pretty', 'false']).then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout.replaceAll(/: error TS\d+/g, ''),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the schemas', () => {
  it.each([...example, operator].map((one) => [`${one.kind} ${one.metadata.name}`, one] as const))(
    'allow %s',
    (_, resource) => {
      expect(() => validate(resource)).not.toThrow();
    },
  );

  it('know every field', async () => {
    expect(await unknownFields([...example, operator])).toBe('');
  }, 60_000);

  it('are looked at: what is wrong is found', async () => {
    const wrong = structuredClone(deployments[0]!);
    wrong.spec.replicas = 'two';
    expect(() => validate(wrong)).toThrow(/replicas/);
    const misspelt = structuredClone(deployments[0]!);
    (podOf(misspelt)!.containers[0] as { readynessProbe?: object }).readynessProbe = {};
    expect(await unknownFields([misspelt])).toMatch(/readynessProbe.* does not exist/);
    const scaled = structuredClone(of('ScaledObject')[0]!);
    delete scaled.spec.scaleTargetRef;
    expect(() => validate(scaled)).toThrow(/scaleTargetRef/);
  }, 60_000);
});

describe('every service', () => {
  it('has a Deployment; the base has all but the simulator', () => {
    expect(deployments.map(({ metadata }) => metadata.name).sort()).toEqual([...services].sort());
    expect(
      of('Deployment', base)
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual(services.filter((name) => name !== 'payment-simulator').sort());
  });

  it('has an image that the Dockerfile makes, and the example says where it is', () => {
    const targets = [...readFileSync(path.join(root, 'Dockerfile'), 'utf8').matchAll(/ AS ([a-z-]+)$/gm)].map(
      ([, name]) => name,
    );
    for (const { image } of base.flatMap(containersOf)) {
      const name = image.replace('ordermesh/', '');
      expect([...services, ...targets.filter((one) => one === 'migrate')]).toContain(name);
    }
    for (const { image } of example.flatMap(containersOf))
      expect(image).toMatch(/^registry\.example\.com\/ordermesh\/[a-z-]+:\d+\.\d+\.\d+$/);
  });

  it('may be drained from a node, and is scaled, but for the relay and the simulator', () => {
    const scaled = [...of('HorizontalPodAutoscaler'), ...of('ScaledObject')].map(
      ({ spec }) => spec.scaleTargetRef.name as string,
    );
    expect(scaled.sort()).toEqual(
      services.filter((name) => !/^(outbox-publisher|payment-simulator)$/.test(name)).sort(),
    );
    for (const { metadata, spec } of deployments)
      expect([metadata.name, spec.replicas]).toEqual([
        metadata.name,
        scaled.includes(metadata.name) ? undefined : metadata.name === 'payment-simulator' ? 1 : 2,
      ]);
    for (const name of services.filter((one) => one !== 'payment-simulator'))
      expect(named('PodDisruptionBudget', name)?.spec.selector.matchLabels).toEqual({
        'app.kubernetes.io/name': name,
      });
  });

  it('is scaled by its own queue: what waits is handled in time, and what comes in is kept up with', () => {
    for (const { metadata, spec } of of('ScaledObject')) {
      const [waiting, rate] = (spec.triggers as { metadata: Record<string, string> }[]).map(
        (one) => one.metadata,
      );
      expect([waiting, rate]).toMatchObject([
        { queueName: metadata.name, mode: 'QueueLength' },
        { queueName: metadata.name, mode: 'MessageRate' },
      ]);
      const perSecond = Number(rate!.value) / 0.7;
      expect(Number(waiting!.value) / perSecond).toBeCloseTo(20);
    }
  });

  it('is probed where it answers', () => {
    const dockerfile = readFileSync(path.join(root, 'Dockerfile'), 'utf8');
    const port = (name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(dockerfile)?.[1]);
    for (const deployment of deployments) {
      const [container] = containersOf(deployment);
      const [own] = container!.ports!;
      expect(own!.containerPort).toBe(
        deployment.metadata.name === 'order-api' ? port('PORT') : port('HEALTH_PORT'),
      );
      const probe = (path_: string) =>
        expect.objectContaining({ httpGet: { path: path_, port: own!.name } }) as unknown;
      expect(container).toMatchObject({
        startupProbe: probe('/healthz'),
        livenessProbe: probe('/healthz'),
        readinessProbe: probe('/readyz'),
      });
      const service = named('Service', deployment.metadata.name);
      if (service) expect(service.spec.ports[0].targetPort).toBe(own!.name);
    }
  });

  it('has more time to end than it takes', () => {
    const longest = 10; // of a service: shared/service/run-service.ts
    for (const deployment of deployments) {
      const { terminationGracePeriodSeconds, containers } = podOf(deployment)!;
      const preStop = (containers[0] as { lifecycle?: { preStop: { exec: { command: string[] } } } })
        .lifecycle?.preStop;
      expect(terminationGracePeriodSeconds! - Number(preStop?.exec.command[1] ?? 0)).toBeGreaterThan(longest);
    }
  });
});

test('no pod has more rights than the restricted profile, and none writes but to its volumes', () => {
  for (const resource of [...example.filter(podOf), operator]) {
    const pod = podOf(resource)!;
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    });
    for (const container of containersOf(resource)) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources).toMatchObject({
        requests: { cpu: expect.any(String) as string },
        limits: {},
      });
      expect(container.resources.limits.memory).toMatch(/Mi$/);
      for (const { name } of container.volumeMounts)
        expect(pod.volumes.map((one) => one.name)).toContain(name);
    }
  }
});

/** The files that a pod's secrets are, and the Secrets with the keys that are needed of each. */
function secretsOf(resource: Resource): { files: string[]; needed: string[] } {
  const pod = podOf(resource)!;
  const files: string[] = [];
  const needed: string[] = [];
  const keysOf: Record<string, string[]> = {
    'card-token-key': ['card-token-key'],
    'owner-login': ['database-url', 'rabbitmq-url', 'rabbitmq-management-url'],
  };
  for (const { name, secret, projected } of pod.volumes) {
    const at = containersOf(resource)
      .flatMap((one) => one.volumeMounts)
      .find((one) => one.name === name)?.mountPath;
    const all = secret ? [{ name: secret.secretName }] : (projected?.sources ?? []).map((one) => one.secret);
    for (const one of all as Secret[]) {
      const keys =
        keysOf[one.name] ??
        (one.name === 'order-api-login' ? ['database-password'] : ['database-password', 'rabbitmq-password']);
      const items = one.items ?? keys.map((key) => ({ key, path: key }));
      for (const item of items) {
        files.push(`${at}/${item.path}`);
        needed.push(`${one.name} ${item.key}`);
      }
    }
  }
  for (const { env } of containersOf(resource))
    for (const { valueFrom } of env)
      if (valueFrom?.secretKeyRef)
        needed.push(`${valueFrom.secretKeyRef.name} ${valueFrom.secretKeyRef.key}`);
  return { files, needed };
}

describe('the environment', () => {
  const documented = readFileSync(path.join(root, 'docs/guides/configuration.md'), 'utf8');
  const known = new Set([...documented.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name]) => name!));
  const pods = [...example.filter(podOf), operator];

  it('has variables that there are, from ConfigMaps that there are', () => {
    for (const { metadata, data } of of('ConfigMap'))
      if (metadata.name !== 'ordermesh') for (const name of Object.keys(data!)) expect(known).toContain(name);
    for (const { env, envFrom = [] } of pods.flatMap(containersOf)) {
      for (const { configMapRef } of envFrom) expect(named('ConfigMap', configMapRef.name)).toBeDefined();
      for (const { name, value, valueFrom } of env) {
        const map = valueFrom?.configMapKeyRef;
        if (map) expect(named('ConfigMap', map.name)?.data).toHaveProperty(map.key);
        const isUsed = env.some((one) => one.value?.includes(`$(${name})`));
        expect([...known, ...SECRETS.map((secret) => `${secret}_FILE`), ...(isUsed ? [name] : [])]).toContain(
          name,
        );
        for (const [, used] of (value ?? '').matchAll(/\$\((\w+)\)/g))
          expect(env.findIndex((one) => one.name === used)).toBeLessThan(
            env.findIndex((one) => one.name === name),
          );
      }
    }
  });

  it('has no secret in it: they are files or references', () => {
    expect(of('Secret')).toEqual([]);
    for (const resource of pods) {
      const { files } = secretsOf(resource);
      for (const { name, value } of containersOf(resource).flatMap(({ env }) => env)) {
        if (name.endsWith('_FILE')) expect(files).toContain(value);
        else if (SECRETS.some((secret) => secret === name) && value)
          expect(value).not.toMatch(/:\/\/[^@]*:[^@]*@/);
      }
    }
  });

  it('needs Secrets that the guide names, key by key', () => {
    const guide = readFileSync(path.join(root, 'docs/guides/kubernetes.md'), 'utf8');
    const keda = (
      of('TriggerAuthentication')[0]!.spec.secretTargetRef as { name: string; key: string }[]
    ).map(({ name, key }) => `${name} ${key}`);
    for (const one of new Set([...pods.flatMap((resource) => secretsOf(resource).needed), ...keda])) {
      const [name = '', key = ''] = one.split(' ');
      expect(guide).toContain(
        name.replace(/^(order-api|outbox-publisher|\w+-service|operator)-login$/, '-login'),
      );
      expect(guide).toContain(key);
    }
  });

  // A service tells all that is wrong with its configuration at once; here it is one thing, on purpose.
  it.each(deployments.map((one) => [one.metadata.name, one] as const))(
    'of %s is good',
    async (name, deployment) => {
      const folder = mkdtempSync(path.join(root, '.local', 'secrets-'));
      try {
        const [container] = containersOf(deployment);
        const given: Record<string, string> = {
          NODE_ENV: 'production',
          HOST: '0.0.0.0',
          PORT: '8000',
          HEALTH_PORT: '9100',
        };
        for (const { configMapRef } of container!.envFrom ?? [])
          Object.assign(given, named('ConfigMap', configMapRef.name)!.data);
        for (const { name: variable, value, valueFrom } of container!.env) {
          const from = valueFrom?.configMapKeyRef;
          if (from) given[variable] = named('ConfigMap', from.name)!.data![from.key]!;
          else if (value)
            given[variable] = value.replaceAll(/\$\((\w+)\)/g, (_, used: string) => given[used]!);
          if (!variable.endsWith('_FILE')) continue;
          given[variable] = path.join(folder, path.basename(value!));
          writeFileSync(
            given[variable]!,
            /card/.test(value!) ? Buffer.alloc(32, 7).toString('base64') : 'p@ss/word',
          );
        }
        const main = path.join(root, 'dist', name, 'main.js');
        const env = { PATH: process.env.PATH, ...given, LOG_LEVEL: 'wrong on purpose' };
        const said = await promisify(execFile)(process.execPath, [main], { env, timeout: 30_000 }).catch(
          (error: { code: number; stdout: string }) => error,
        );
        const { msg } = JSON.parse(said.stdout.split('\n')[0]!) as { msg: string };
        expect(said).toMatchObject({ code: 78 });
        expect(msg).toMatch(/^Bad configuration:\n {2}LOG_LEVEL: [^\n]*$/);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    60_000,
  );
});

describe('the network', () => {
  const policies = of('NetworkPolicy');
  const labelsOf = (name: string) => ({
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/part-of': 'ordermesh',
  });
  const selects = (selector: Selector, labels: Record<string, string>) =>
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, values }) => values.includes(labels[key] ?? ''));
  const peerName = ({ podSelector, namespaceSelector, ipBlock }: Peer) =>
    ipBlock
      ? 'public'
      : (Object.values(podSelector?.matchLabels ?? {})[0] ??
        `namespace ${Object.values(namespaceSelector!.matchLabels!)[0]}`);
  const allowed = (name: string, direction: 'egress' | 'ingress') =>
    [
      ...new Set(
        policies
          .filter(({ spec }) => selects(spec.podSelector as Selector, labelsOf(name)))
          .flatMap(
            ({ spec }) =>
              (spec[direction] ?? []) as { to?: Peer[]; from?: Peer[]; ports: { port: number }[] }[],
          )
          .flatMap(({ to, from, ports }) =>
            (to ?? from ?? []).flatMap((peer) => ports.map(({ port }) => `${peerName(peer)}:${port}`)),
          ),
      ),
    ].sort();

  it('is closed for every pod in both directions, but for what another policy allows', () => {
    const closed = policies.find(({ metadata }) => metadata.name === 'nothing-else')!.spec;
    expect(closed).toEqual({
      podSelector: { matchLabels: { 'app.kubernetes.io/part-of': 'ordermesh' } },
      policyTypes: ['Ingress', 'Egress'],
    });
    for (const resource of example.filter(podOf))
      expect(resource.spec.template.metadata.labels).toEqual(labelsOf(resource.metadata.name));
  });

  it.each([...example.filter(podOf), operator].map((one) => [one.metadata.name, one] as const))(
    'lets %s reach what it is configured for',
    (name, resource) => {
      const variables = containersOf(resource).flatMap(({ env }) => env.map((one) => one.name));
      const has = (variable: string) =>
        variables.includes(variable) || variables.includes(`${variable}_FILE`);
      const expected = ['kube-dns:53'];
      if (has('DATABASE_URL')) expected.push('ordermesh-db:5432');
      if (has('RABBITMQ_URL')) expected.push('ordermesh-mq:5671', 'ordermesh-mq:5672');
      if (has('RABBITMQ_MANAGEMENT_URL')) expected.push('ordermesh-mq:15671', 'ordermesh-mq:15672');
      if (has('STRIPE_SECRET_KEY')) expected.push('public:443', 'payment-simulator:9100');
      if (name === 'order-api') expected.push('public:443'); // the token issuer
      if (has('SMTP_PASSWORD')) expected.push(...[25, 80, 443, 465, 587].map((port) => `public:${port}`));
      expect(allowed(name, 'egress')).toEqual(expected.sort());
    },
  );

  it('lets in clients and Prometheus, and nobody else', () => {
    const metrics = ['namespace monitoring:8000', 'namespace monitoring:9100'];
    for (const name of services)
      expect(allowed(name, 'ingress')).toEqual(
        [
          ...metrics,
          ...(name === 'order-api' ? ['namespace ingress-nginx:8000'] : []),
          ...(name === 'payment-simulator' ? ['payment-service:9100'] : []),
        ].sort(),
      );
  });

  it('means by public no address of this network', () => {
    for (const { spec } of policies)
      for (const { ipBlock } of ((spec.egress ?? []) as { to: Peer[] }[]).flatMap(({ to }) => to))
        if (ipBlock)
          expect(ipBlock.except).toEqual(
            expect.arrayContaining(
              ipBlock.cidr === '::/0'
                ? ['fc00::/7', 'fe80::/10']
                : ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'],
            ),
          );
  });
});
