// Reads a JSON array of custom resources from standard input; writes one line for each that its schema refuses.
import { text } from "node:stream/consumers";

const packages = {
  "external-secrets.io": "@kubernetes-models/external-secrets",
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
  "keda.sh": "@kubernetes-models/keda",
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
};

for (const resource of JSON.parse(await text(process.stdin))) {
  const named = `${resource.kind}/${resource.metadata.name}`;
  const model = packages[resource.apiVersion.split("/")[0]];
  if (model === undefined) {
    console.log(`${named}: no schema for ${resource.apiVersion}`);
    continue;
  }
  try {
    const models = await import(`${model}/${resource.apiVersion}/${resource.kind}`);
    new models[resource.kind](resource).validate();
  } catch (error) {
    console.log(`${named}: ${error.message}`);
  }
}
