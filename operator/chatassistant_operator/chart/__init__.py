"""The Helm chart's files that are made of the code: its values, its rules, its environment, its CRDs."""
