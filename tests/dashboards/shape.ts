// What a dashboard in deploy/grafana/dashboards may hold: Grafana's own types, and of its kinds of panels those we use.
import type { AnnotationQuery, Dashboard, FieldConfigSource, Panel, RowPanel, VariableModel } from '@grafana/schema';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as timeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** The same as JSON has it: an enumeration's value is its text. */
type Json<T> = T extends string
  ? `${T}`
  : T extends (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;

/** Where everything comes from: the data source that deploy/grafana/provisioning makes. */
interface Source {
  type: 'prometheus';
  uid: 'spark-prometheus';
}

/** A question to Prometheus, as Grafana's data source for it takes it. */
interface Target {
  datasource: Source;
  refId: string;
  expr: string;
  legendFormat: string;
  range?: boolean;
  instant?: boolean;
  format?: 'table' | 'heatmap';
}

type Of<Type extends string, Options, Custom> = Omit<Panel, 'type' | 'datasource' | 'options' | 'fieldConfig' | 'targets'> & {
  type: Type;
  datasource: Source;
  title: string;
  description: string;
  options: Options;
  fieldConfig: Omit<FieldConfigSource, 'defaults'> & {
    defaults: Omit<FieldConfigSource['defaults'], 'custom'> & { custom?: Custom };
  };
  targets: Target[];
};

type OurPanel = Json<
  | Of<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | Of<'stat', stat.Options, never>
  | Of<'state-timeline', Omit<timeline.Options, 'perPage'>, timeline.FieldConfig>
  | Of<'table', table.Options, table.FieldConfig>
  | Of<'timeseries', timeseries.Options, timeseries.FieldConfig>
>;

type OurAnnotation = Json<Omit<AnnotationQuery, 'datasource' | 'target'>> & {
  datasource: Source;
  target: { refId: string; expr: string };
};

type OurVariable = Json<Omit<VariableModel, 'datasource'>> & { datasource: Source };

export type OurDashboard = Json<Omit<Dashboard, 'panels' | 'annotations' | 'templating'>> & {
  annotations: { list: OurAnnotation[] };
  templating: { list: OurVariable[] };
  panels: (OurPanel | Json<RowPanel>)[];
};
